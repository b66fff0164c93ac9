use proptest::prelude::*;

use super::*;
use crate::settings::Settings;

const A: ConnectionId = ConnectionId(1);
const B: ConnectionId = ConnectionId(2);

fn at(seconds: u64) -> Time {
    Time::from_nanoseconds(seconds * 1_000_000_000)
}

fn pool_keys(json: &str) -> PoolKeys {
    let mut keys = PoolKeys::default();
    keys.configure(rotation(json));
    keys
}

fn rotation(json: &str) -> Option<Rotation> {
    Settings::parse(format!(r#"{{"outbound": {json}}}"#).as_bytes()).unwrap().outbound?.rotation()
}

fn none() -> Draw {
    Draw::NONE
}

#[test]
fn without_the_section_no_connection_gets_a_key() {
    let mut keys = PoolKeys::default();
    assert_eq!(keys.opened(A, at(0), none), None);
    assert_eq!(keys.request(A, at(1), none), None);
    assert_eq!(keys.tick(at(1_000_000), none), []);
}

#[test]
fn a_key_is_replaced_at_its_age_for_every_connection() {
    let mut keys = pool_keys(r#"{"maxAge": "10s"}"#);
    let first = keys.opened(A, at(0), none).unwrap();
    assert_eq!(keys.opened(B, at(1), none), Some(first));
    assert_eq!(keys.tick(at(9), none), []);
    let mut given = keys.tick(at(10), none);
    given.sort_by_key(|(id, _)| *id);
    assert_eq!(given.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [A, B]);
    assert!(given.iter().all(|(_, key)| *key != first));
    assert_eq!((keys.tick(at(11), none), keys.rotated()), (vec![], 1));
}

#[test]
fn a_key_is_replaced_after_its_requests_and_given_where_it_is_needed() {
    let mut keys = pool_keys(r#"{"maxRequests": 2}"#);
    let first = keys.opened(A, at(0), none).unwrap();
    keys.opened(B, at(0), none);
    assert_eq!(keys.request(A, at(0), none), None);
    assert_eq!(keys.request(B, at(0), none), None);
    let second = keys.request(A, at(0), none).unwrap();
    assert_ne!(first, second);
    assert_eq!(keys.request(B, at(0), none), Some(second));
    assert!(keys.request(B, at(0), none).is_some_and(|third| third != second));
    assert_eq!(keys.rotated(), 2);
}

#[test]
fn a_new_section_reaches_open_connections_and_a_removed_one_takes_the_key_away() {
    let mut keys = PoolKeys::default();
    keys.opened(A, at(0), none);
    keys.configure(rotation(r#"{"maxAge": "10s"}"#));
    assert!(matches!(keys.tick(at(1), none)[..], [(A, key)] if key != PoolKey::NONE));
    keys.configure(None);
    assert_eq!(keys.tick(at(2), none), [(A, PoolKey::NONE)]);
    assert_eq!(keys.rotated(), 0);
}

#[test]
fn an_edit_does_not_replace_a_key_that_is_not_due() {
    let mut keys = pool_keys(r#"{"maxAge": "10s"}"#);
    keys.opened(A, at(0), none);
    keys.configure(rotation(r#"{"maxAge": "20s"}"#));
    assert_eq!(keys.tick(at(19), none), []);
    assert_eq!(keys.tick(at(20), none).len(), 1);
}

proptest! {
    /// Exactly `maxRequests` requests go out under each key, however they are spread over connections.
    #[test]
    fn no_key_serves_more_requests_than_its_cap(cap in 1..20_u32, requests in proptest::collection::vec(0..5_u32, 0..200)) {
        let mut keys = pool_keys(&format!(r#"{{"maxRequests": {cap}}}"#));
        let mut carried: Vec<PoolKey> = (0..5).map(|id| keys.opened(ConnectionId(id), at(0), none).unwrap()).collect();
        let mut served: Vec<(PoolKey, u32)> = Vec::new();
        for id in &requests {
            if let Some(key) = keys.request(ConnectionId(*id), at(0), none) { carried[*id as usize] = key; }
            match served.last_mut() {
                Some((key, count)) if *key == carried[*id as usize] => *count += 1,
                _ => served.push((carried[*id as usize], 1)),
            }
        }
        let full = requests.len() / cap as usize;
        prop_assert!(served.iter().take(full).all(|(_, count)| *count == cap));
        prop_assert!(served.len() <= full + 1);
    }
}
