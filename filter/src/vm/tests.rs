mod envoy;
mod outbound;
mod rebalance;
mod write_injection;

use std::time::Duration;

use self::envoy::{Envoy, FakeHost};
use super::*;

const CAPS: &str = r#"{"inbound": {"maxAge": "10s", "maxRequests": 2, "streamGrace": "5s"}}"#;

#[test]
fn a_connection_is_marked_at_its_age() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    assert!(envoy.configure(1, CONNECTION, "caps", CAPS));
    envoy.connect(100, 7, 1);
    envoy.tick(1, 9);
    assert_eq!(envoy.filter_state(100, "ek_drain"), None);
    envoy.tick(1, 10);
    assert_eq!(envoy.filter_state(100, "ek_drain").as_deref(), Some("1"));
    assert_eq!(envoy.metric("evenkeel.drains_age"), 1);
    assert_eq!((envoy.metric("evenkeel.connections_live"), envoy.metric("evenkeel.connections_draining")), (0, 1));
}

#[test]
fn the_stream_of_the_last_request_is_marked_and_then_its_connection() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    assert!(envoy.configure(1, CONNECTION, "caps", CAPS));
    assert!(envoy.configure(2, REQUEST, "requests", CAPS));
    envoy.connect(100, 7, 1);
    envoy.request(200, 7);
    assert_eq!(envoy.filter_state(200, "ek_drain"), None);
    envoy.request(201, 7);
    assert_eq!(envoy.filter_state(201, "ek_drain").as_deref(), Some("1"));
    assert_eq!(envoy.filter_state(100, "ek_drain"), None);
    envoy.tick(1, 1);
    assert_eq!(envoy.filter_state(100, "ek_drain").as_deref(), Some("1"));
}

#[test]
fn a_connection_that_an_endless_stream_holds_is_closed_after_the_grace() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "caps", CAPS);
    envoy.connect(100, 7, 1);
    envoy.request(200, 7);
    envoy.tick(1, 10);
    envoy.tick(1, 14);
    assert!(host.closed.borrow().is_empty());
    envoy.tick(1, 15);
    assert_eq!(*host.closed.borrow(), [100]);
}

#[test]
fn a_stream_that_ended_holds_nothing() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "caps", CAPS);
    envoy.connect(100, 7, 1);
    envoy.request(200, 7);
    envoy.vm.deleted(200);
    envoy.tick(1, 10);
    envoy.tick(1, 1000);
    assert!(host.closed.borrow().is_empty());
}

#[test]
fn only_the_current_root_of_a_plugin_acts() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "caps", CAPS);
    envoy.connect(100, 7, 1);
    envoy.configure(2, CONNECTION, "caps", r#"{"inbound": {"maxAge": "60s"}}"#);
    envoy.tick(1, 30);
    assert_eq!(envoy.filter_state(100, "ek_drain"), None);
    assert_eq!(host.tick_periods.borrow()[&1], Duration::ZERO, "the old root stops ticking");
    envoy.tick(2, 60);
    assert_eq!(envoy.filter_state(100, "ek_drain").as_deref(), Some("1"));
}

#[test]
fn an_edit_that_is_taken_back_rules_again_though_envoy_only_reuses_the_old_root() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "caps", r#"{"inbound": {"maxAge": "60s"}}"#);
    envoy.connect(100, 7, 1);
    envoy.configure(2, CONNECTION, "caps", r#"{"inbound": {"maxAge": "10s"}}"#);
    envoy.tick(1, 1);
    envoy.connect(101, 8, 1);
    assert_eq!(host.tick_periods.borrow()[&1], Duration::from_secs(1), "the old root ticks again");
    envoy.tick(2, 30);
    envoy.tick(1, 30);
    assert_eq!(envoy.filter_state(100, "ek_drain"), None);
    envoy.tick(1, 60);
    assert_eq!(envoy.filter_state(100, "ek_drain").as_deref(), Some("1"));
}

#[test]
fn a_refused_configuration_says_why_and_leaves_the_last_good_one() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "caps", CAPS);
    envoy.connect(100, 7, 1);
    assert!(!envoy.configure(2, CONNECTION, "caps", r#"{"inbound": {"jitter": 3}}"#));
    assert!(host.log.borrow()[0].contains("inbound.jitter: 3 is out of range"));
    envoy.tick(1, 10);
    assert_eq!(envoy.filter_state(100, "ek_drain").as_deref(), Some("1"));
}

#[test]
fn an_unknown_root_is_refused_with_the_names_to_use() {
    let host = FakeHost::default();
    assert!(!Envoy::new(&host).configure(1, "evenkeel", "caps", "{}"));
    assert!(host.log.borrow()[0].contains(r#""evenkeel" is not known: use "evenkeel.connection""#));
}

#[test]
fn plugins_of_one_vm_keep_their_own_settings() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "short", r#"{"inbound": {"maxAge": "10s"}}"#);
    envoy.configure(2, CONNECTION, "long", r#"{"inbound": {"maxAge": "60s"}}"#);
    envoy.connect(100, 7, 1);
    envoy.connect(101, 8, 2);
    envoy.tick(1, 20);
    envoy.tick(2, 20);
    assert_eq!(envoy.filter_state(100, "ek_drain").as_deref(), Some("1"));
    assert_eq!(envoy.filter_state(101, "ek_drain"), None);
    assert_eq!(envoy.metric("evenkeel.connections_accepted"), 2);
}

#[test]
fn a_connection_older_than_the_filter_is_left_alone() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "caps", CAPS);
    (0..10).for_each(|stream| envoy.request(200 + stream, 7));
    envoy.vm.deleted(200);
    envoy.vm.closed(100);
    envoy.tick(1, 100);
    assert!(host.properties.borrow().is_empty());
}

#[test]
fn what_is_gone_is_forgotten() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "caps", CAPS);
    envoy.connect(100, 7, 1);
    (200..210).for_each(|stream| envoy.request(stream, 7));
    (200..205).for_each(|stream| envoy.vm.deleted(stream));
    // Envoy closes the connection before it takes down the streams that were open on it.
    envoy.vm.closed(100);
    (205..210).for_each(|stream| envoy.vm.deleted(stream));
    envoy.vm.created(101, 1);
    envoy.vm.deleted(101);
    envoy.vm.deleted(1);
    assert!(envoy.vm.connections.is_empty() && envoy.vm.contexts.is_empty());
    assert!(envoy.vm.streams.is_empty() && envoy.vm.created.is_empty() && envoy.vm.roots.is_empty());
}

#[test]
fn closing_the_last_connection_brings_the_gauges_to_zero_without_a_tick() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "caps", CAPS);
    envoy.connect(100, 7, 1);
    envoy.tick(1, 1);
    assert_eq!(envoy.metric("evenkeel.connections_live"), 1);
    envoy.vm.closed(100);
    assert_eq!(envoy.metric("evenkeel.connections_live"), 0);
}

#[test]
fn a_pool_key_travels_with_the_connection_and_is_replaced_at_its_age() {
    let host = FakeHost::default();
    let mut envoy = Envoy::new(&host);
    envoy.configure(1, CONNECTION, "out", r#"{"outbound": {"maxAge": "10s"}}"#);
    envoy.connect(100, 7, 1);
    let first = envoy.filter_state(100, "ek_pool").unwrap();
    envoy.tick(1, 10);
    let second = envoy.filter_state(100, "ek_pool").unwrap();
    assert_ne!(first, second);
    assert_eq!(envoy.metric("evenkeel.keys_rotated"), 1);
}
