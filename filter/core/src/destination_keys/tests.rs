use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::settings::Settings;

const REVIEWS: &str = "outbound|80||reviews.shop.svc.cluster.local";

fn keys(destinations: &str) -> DestinationKeys {
    let mut keys = DestinationKeys::default();
    configure(&mut keys, destinations);
    keys
}

fn configure(keys: &mut DestinationKeys, destinations: &str) {
    let json = format!(r#"{{"outbound": {{"destinations": [{destinations}]}}}}"#);
    keys.configure(&Settings::parse(json.as_bytes()).unwrap().outbound.unwrap().destinations);
}

fn request(keys: &mut DestinationKeys, cluster: &str, second: u64) -> Option<PoolKey> {
    keys.request(cluster, || Time::from_nanoseconds(second * 1_000_000_000), || Draw::NONE)
}

const EVERY_TEN_SECONDS: &str = r#"{"host": "reviews.shop.svc.cluster.local", "maxAge": "10s"}"#;

#[test]
fn a_destination_that_is_not_listed_has_no_key_and_asks_for_no_clock() {
    let mut keys = keys(EVERY_TEN_SECONDS);
    for other in
        ["outbound|80||ratings.shop.svc.cluster.local", "outbound|80||reviews.shop", "inbound|80||", "backend", ""]
    {
        assert_eq!(keys.request(other, || unreachable!("the clock"), || unreachable!("a draw")), None, "{other}");
    }
}

#[test]
fn a_destination_without_caps_is_as_one_that_is_not_listed() {
    assert_eq!(request(&mut keys(r#"{"host": "a", "jitter": 0.5}"#), "a", 0), None);
}

#[test]
fn ports_and_subsets_of_a_host_have_one_key() {
    let mut keys = keys(EVERY_TEN_SECONDS);
    let key = request(&mut keys, REVIEWS, 0);
    assert!(key.is_some());
    assert_eq!(request(&mut keys, "outbound|8080|v2|reviews.shop.svc.cluster.local", 9), key);
}

#[test]
fn a_cluster_that_is_not_of_istio_is_found_by_its_whole_name() {
    assert!(request(&mut keys(r#"{"host": "backend", "maxAge": "1s"}"#), "backend", 0).is_some());
}

#[test]
fn a_key_is_replaced_at_its_age_which_begins_with_its_first_request() {
    let mut keys = keys(EVERY_TEN_SECONDS);
    let first = request(&mut keys, REVIEWS, 100);
    assert_eq!((request(&mut keys, REVIEWS, 109), keys.rotated()), (first, 0));
    let second = request(&mut keys, REVIEWS, 110);
    assert_ne!(second, first);
    assert_eq!((request(&mut keys, REVIEWS, 119), keys.rotated()), (second, 1));
}

#[test]
fn hosts_do_not_count_each_others_requests() {
    let mut keys = keys(r#"{"host": "a", "maxRequests": 2}, {"host": "b", "maxRequests": 2}"#);
    let (a, b) = (request(&mut keys, "a", 0), request(&mut keys, "b", 0));
    assert_eq!((request(&mut keys, "a", 0), request(&mut keys, "b", 0)), (a, b));
    assert_ne!(request(&mut keys, "a", 0), a);
    assert_ne!(request(&mut keys, "b", 0), b);
    assert_eq!(keys.rotated(), 2);
}

#[test]
fn an_edit_keeps_age_requests_and_draw_of_a_host_that_stays() {
    let mut keys = keys(EVERY_TEN_SECONDS);
    let half = || Draw::from_random_bits(1 << 63);
    let first = keys.request(REVIEWS, || Time::from_nanoseconds(0), half);
    configure(
        &mut keys,
        r#"{"host": "a", "maxAge": "1s"}, {"host": "reviews.shop.svc.cluster.local", "maxAge": "20s", "jitter": 0.5}"#,
    );
    assert_eq!(request(&mut keys, REVIEWS, 14), first);
    assert_ne!(request(&mut keys, REVIEWS, 15), first, "three quarters of 20 s");
}

#[test]
fn a_host_that_is_taken_away_has_no_key_and_gets_another_one_when_it_comes_back() {
    let mut keys = keys(EVERY_TEN_SECONDS);
    let first = request(&mut keys, REVIEWS, 0);
    keys.configure(&[]);
    assert_eq!(request(&mut keys, REVIEWS, 1), None);
    configure(&mut keys, EVERY_TEN_SECONDS);
    assert_ne!(request(&mut keys, REVIEWS, 2), first, "connections of the first may be open still");
    assert_eq!(keys.rotated(), 0);
}

proptest! {
    /// Whatever comes in which order: each key serves one host, exactly `maxRequests` requests or, the last, fewer.
    #[test]
    fn each_key_serves_one_host_up_to_its_cap(caps in [1..9_u32, 1..9_u32, 1..9_u32], requests in prop::collection::vec(0..3_usize, 0..300)) {
        let destinations: Vec<String> =
            caps.iter().enumerate().map(|(host, cap)| format!(r#"{{"host": "{host}", "maxRequests": {cap}}}"#)).collect();
        let mut keys = keys(&destinations.join(","));
        let mut served: HashMap<String, (usize, u32)> = HashMap::new();
        for &host in &requests {
            let key = request(&mut keys, &format!("outbound|80||{host}"), 0).unwrap();
            let (owner, count) = served.entry(key.to_string()).or_insert((host, 0));
            prop_assert_eq!(*owner, host);
            *count += 1;
        }
        for (host, cap) in caps.iter().enumerate() {
            let total = requests.iter().filter(|one| **one == host).count() as u32;
            let counts: Vec<u32> = served.values().filter(|(owner, _)| *owner == host).map(|(_, count)| *count).collect();
            prop_assert!(counts.iter().all(|count| count <= cap));
            prop_assert_eq!(counts.len() as u32, total.div_ceil(*cap));
        }
    }

    /// Edits at any time, with clocks that go on: no request goes out under a key that is older than its cap.
    #[test]
    fn no_key_outlives_its_age_over_edits(steps in prop::collection::vec((0..5_u64, 1..6_u64, any::<bool>()), 1..100)) {
        let mut keys = DestinationKeys::default();
        let (mut now, mut age) = (0, 3);
        let mut first_seen: HashMap<String, u64> = HashMap::new();
        for (pause, new_age, is_edit) in steps {
            now += pause;
            if is_edit { age = new_age; }
            configure(&mut keys, &format!(r#"{{"host": "a", "maxAge": "{age}s"}}"#));
            let key = request(&mut keys, "a", now).unwrap().to_string();
            prop_assert!(now - *first_seen.entry(key).or_insert(now) < age);
        }
    }
}
