use super::*;

const REVIEWS: Option<&str> = Some("outbound|80||reviews.shop.svc.cluster.local");
const RATINGS: Option<&str> = Some("outbound|80||ratings.shop.svc.cluster.local");
const ONE_REQUEST: &str =
    r#"{"outbound": {"destinations": [{"host": "reviews.shop.svc.cluster.local", "maxRequests": 1}]}}"#;
const TEN_SECONDS: &str =
    r#"{"outbound": {"destinations": [{"host": "reviews.shop.svc.cluster.local", "maxAge": "10s"}]}}"#;

#[test]
fn only_streams_to_a_listed_destination_get_a_key() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    assert!(envoy.configure(1, OUTBOUND, "out", TEN_SECONDS));
    assert_eq!(envoy.request_to(REVIEWS, 200, 1).as_deref(), Some("0.0.0.1:1"));
    assert_eq!(envoy.request_to(RATINGS, 201, 1), None);
    assert_eq!(envoy.request_to(None, 202, 1), None, "no route");
    assert!(host.tick_periods.borrow().is_empty());
}

#[test]
fn a_rotation_is_told_at_once() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, OUTBOUND, "out", ONE_REQUEST);
    let keys: Vec<_> = (200..203).filter_map(|stream| envoy.request_to(REVIEWS, stream, 1)).collect();
    assert_eq!(keys, ["0.0.0.1:1", "0.0.0.2:1", "0.0.0.3:1"]);
    assert_eq!(envoy.metric("evenkeel.keys_rotated"), 2);
}

#[test]
fn keys_live_on_over_edits() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, OUTBOUND, "out", TEN_SECONDS);
    let first = envoy.request_to(REVIEWS, 200, 1);
    envoy.configure(2, OUTBOUND, "out", &TEN_SECONDS.replace("10s", "20s"));
    host.now.set(19);
    assert_eq!(envoy.request_to(REVIEWS, 201, 2), first);
    host.now.set(20);
    assert_ne!(envoy.request_to(REVIEWS, 202, 2), first);
}

#[test]
fn an_edit_that_is_taken_back_rules_again_with_the_next_stream_of_the_old_root() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, OUTBOUND, "out", TEN_SECONDS);
    envoy.configure(2, OUTBOUND, "out", "{}");
    assert_eq!(envoy.request_to(REVIEWS, 200, 2), None);
    assert!(envoy.request_to(REVIEWS, 201, 1).is_some());
}

#[test]
fn a_stream_that_was_made_before_an_edit_follows_the_newest_settings() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, OUTBOUND, "out", "{}");
    envoy.vm.created(200, 1);
    envoy.configure(2, OUTBOUND, "out", TEN_SECONDS);
    host.cluster_name.replace(REVIEWS.map(str::to_owned));
    host.current.set(200);
    envoy.vm.request(200);
    assert!(envoy.filter_state(200, "ek_pool").is_some());
}

#[test]
fn plugins_count_for_themselves() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, OUTBOUND, "ones", ONE_REQUEST);
    envoy.configure(2, OUTBOUND, "twos", &ONE_REQUEST.replace(": 1}", ": 2}"));
    let ones: Vec<_> = (200..202).map(|stream| envoy.request_to(REVIEWS, stream, 1)).collect();
    let twos: Vec<_> = (202..204).map(|stream| envoy.request_to(REVIEWS, stream, 2)).collect();
    assert!(ones[0] != ones[1] && twos[0] == twos[1]);
}

#[test]
fn each_root_takes_its_own_part_of_the_settings() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    assert!(envoy.configure(1, CONNECTION, "caps", TEN_SECONDS));
    assert!(envoy.configure(2, OUTBOUND, "out", r#"{"inbound": {"maxAge": "1s"}, "outbound": {"maxAge": "1s"}}"#));
    envoy.connect(100, 7, 1);
    envoy.tick(1, 100);
    assert_eq!(envoy.request_to(REVIEWS, 200, 2), None);
    assert!(host.properties.borrow().is_empty());
}

#[test]
fn a_refused_configuration_leaves_the_last_good_one() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, OUTBOUND, "out", TEN_SECONDS);
    assert!(!envoy.configure(2, OUTBOUND, "out", &TEN_SECONDS.replace("maxAge", "age")));
    assert!(host.log.borrow()[0].contains("outbound.destinations[0]"), "{:?}", host.log.borrow());
    assert!(envoy.request_to(REVIEWS, 200, 1).is_some());
}

#[test]
fn streams_and_roots_that_are_gone_are_forgotten() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, OUTBOUND, "out", TEN_SECONDS);
    envoy.request_to(REVIEWS, 200, 1);
    // One that was reset before its headers were there.
    envoy.vm.created(201, 1);
    (200..202).for_each(|stream| envoy.vm.deleted(stream));
    envoy.vm.deleted(1);
    assert!(envoy.vm.outbound.is_idle());
}
