use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::settings::Settings;

const A: ConnectionId = ConnectionId(7);
const NO_DRAW: Draw = Draw::NONE;

fn at(seconds: f64) -> Time {
    Time::from_nanoseconds((seconds * 1e9) as u64)
}

fn inbound(json: &str) -> Inbound {
    Settings::parse(format!(r#"{{"inbound": {json}}}"#).as_bytes()).unwrap().inbound.unwrap()
}

fn connections(json: &str) -> Connections {
    let mut connections = Connections::default();
    connections.configure(at(0.0), inbound(json), Overdue::AtOnce);
    connections
}

#[test]
fn without_caps_nothing_ever_drains() {
    let mut connections = connections("{}");
    connections.opened(A, at(0.0), NO_DRAW);
    assert!((0..1000).all(|_| connections.request(A, at(1.0)) == Verdict::Keep));
    assert_eq!(connections.tick(at(1e9)), []);
    assert_eq!(connections.load().live, 1);
}

#[test]
fn a_connection_drains_at_its_age_once() {
    let mut connections = connections(r#"{"maxAge": "10s"}"#);
    connections.opened(A, at(5.0), NO_DRAW);
    assert_eq!(connections.tick(at(14.9)), []);
    assert_eq!(connections.tick(at(15.0)), [(A, Action::Drain)]);
    assert_eq!(connections.tick(at(16.0)), []);
    let load = connections.load();
    assert_eq!((load.live, load.draining, load.drains_by_age), (0, 1, 1));
}

#[test]
fn the_response_to_request_number_n_carries_the_drain() {
    let mut connections = connections(r#"{"maxRequests": 3}"#);
    connections.opened(A, at(0.0), NO_DRAW);
    let verdicts: Vec<_> = (0..5).map(|_| connections.request(A, at(0.0))).collect();
    assert_eq!(verdicts, [Verdict::Keep, Verdict::Keep, Verdict::Drain, Verdict::Keep, Verdict::Keep]);
    assert_eq!(connections.load().drains_by_requests, 1);
}

#[test]
fn a_drain_by_requests_spreads_to_all_responses_with_the_next_tick() {
    let mut connections = connections(r#"{"maxRequests": 1}"#);
    connections.opened(A, at(0.0), NO_DRAW);
    assert_eq!(connections.request(A, at(0.0)), Verdict::Drain);
    assert_eq!(connections.tick(at(0.1)), [(A, Action::Drain)]);
    assert_eq!(connections.tick(at(0.2)), []);
}

#[test]
fn new_settings_move_the_limits_of_open_connections() {
    let mut connections = connections(r#"{"maxAge": "60s", "maxRequests": 100}"#);
    connections.opened(A, at(0.0), NO_DRAW);
    connections.configure(at(0.0), inbound(r#"{"maxAge": "10s"}"#), Overdue::AtOnce);
    assert_eq!(connections.tick(at(9.0)), []);
    connections.configure(at(0.0), inbound("{}"), Overdue::AtOnce);
    assert_eq!(connections.tick(at(90.0)), []);
    connections.configure(at(0.0), inbound(r#"{"maxRequests": 1}"#), Overdue::AtOnce);
    assert_eq!(connections.request(A, at(90.0)), Verdict::Drain);
}

#[test]
fn a_connection_keeps_its_draw_when_settings_change() {
    let mut connections = connections(r#"{"maxAge": "100s", "jitter": 0.5}"#);
    connections.opened(A, at(0.0), Draw::from_random_bits(1 << 63));
    connections.configure(at(0.0), inbound(r#"{"maxAge": "40s", "jitter": 0.5}"#), Overdue::AtOnce);
    assert_eq!(connections.tick(at(29.9)), []);
    assert_eq!(connections.tick(at(30.0)), [(A, Action::Drain)]);
}

#[test]
fn an_endless_stream_is_closed_after_its_grace_and_not_before() {
    let mut connections = connections(r#"{"maxAge": "10s", "streamGrace": "5s"}"#);
    connections.opened(A, at(0.0), NO_DRAW);
    connections.request(A, at(1.0));
    assert_eq!(connections.tick(at(10.0)), [(A, Action::Drain)]);
    assert_eq!(connections.tick(at(14.9)), []);
    assert_eq!(connections.tick(at(15.0)), [(A, Action::Close)]);
    assert_eq!(connections.tick(at(30.0)), []);
    assert_eq!(connections.load().streams_closed, 1);
}

#[test]
fn without_a_grace_an_endless_stream_is_left_alone() {
    let mut connections = connections(r#"{"maxAge": "10s"}"#);
    connections.opened(A, at(0.0), NO_DRAW);
    connections.request(A, at(1.0));
    connections.tick(at(10.0));
    assert_eq!(connections.tick(at(1e6)), []);
}

#[test]
fn an_idle_connection_is_never_closed() {
    let mut connections = connections(r#"{"maxAge": "10s", "streamGrace": "5s"}"#);
    connections.opened(A, at(0.0), NO_DRAW);
    connections.request(A, at(1.0));
    connections.stream_ended(A);
    connections.tick(at(10.0));
    assert_eq!(connections.tick(at(1e6)), []);
}

#[test]
fn a_young_request_beside_an_endless_stream_is_not_cut() {
    let mut connections = connections(r#"{"maxAge": "10s", "streamGrace": "5s"}"#);
    connections.opened(A, at(0.0), NO_DRAW);
    connections.request(A, at(1.0));
    connections.tick(at(10.0));
    connections.request(A, at(14.0));
    assert_eq!(connections.tick(at(15.0)), []);
    connections.stream_ended(A);
    assert_eq!(connections.tick(at(19.0)), [(A, Action::Close)]);
}

#[test]
fn what_the_table_does_not_know_is_left_alone() {
    let mut connections = connections(r#"{"maxRequests": 1}"#);
    assert_eq!(connections.request(A, at(0.0)), Verdict::Keep);
    connections.stream_ended(A);
    connections.closed(A);
    assert_eq!(connections.load(), Load::default());
}

#[derive(Debug, Clone)]
enum Event {
    Open(u32),
    Request(u32),
    StreamEnds(u32),
    Close(u32),
    Tick(u8),
    Configure(Option<u32>, Option<u8>, bool),
}

fn event() -> impl Strategy<Value = Event> {
    let id = 0..8_u32;
    prop_oneof![
        id.clone().prop_map(Event::Open),
        id.clone().prop_map(Event::Request),
        id.clone().prop_map(Event::StreamEnds),
        id.prop_map(Event::Close),
        (0..20_u8).prop_map(Event::Tick),
        (proptest::option::of(1..5_u32), proptest::option::of(1..30_u8), any::<bool>())
            .prop_map(|(requests, age, grace)| Event::Configure(requests, age, grace)),
    ]
}

proptest! {
    /// Whatever happens in whatever order: gauges are what is open, each connection is counted once as drained and
    /// once as accepted, nothing is drained or closed twice, and nothing unknown is named.
    #[test]
    fn the_table_stays_exact(events in proptest::collection::vec(event(), 0..200)) {
        let mut connections = Connections::default();
        let mut open: HashMap<u32, (bool, bool, bool)> = HashMap::new(); // one response, every response, closing
        let (mut accepted, mut clock) = (0, 0.0);
        for event in events {
            match event {
                Event::Open(id) => if let std::collections::hash_map::Entry::Vacant(entry) = open.entry(id) {
                    entry.insert((false, false, false));
                    connections.opened(ConnectionId(id), at(clock), NO_DRAW);
                    accepted += 1;
                },
                Event::Request(id) => if connections.request(ConnectionId(id), at(clock)) == Verdict::Drain {
                    let state = open.get_mut(&id).unwrap();
                    prop_assert!(!state.0 && !state.1, "drained twice");
                    state.0 = true;
                },
                Event::StreamEnds(id) => connections.stream_ended(ConnectionId(id)),
                Event::Close(id) => { open.remove(&id); connections.closed(ConnectionId(id)); }
                Event::Tick(seconds) => {
                    clock += f64::from(seconds);
                    for (id, action) in connections.tick(at(clock)) {
                        let state = open.get_mut(&id.0).unwrap();
                        match action {
                            Action::Drain => { prop_assert!(!state.1, "drained twice"); state.1 = true; }
                            Action::Close => { prop_assert!(state.1 && !state.2, "closed unasked"); state.2 = true; }
                        }
                    }
                }
                Event::Configure(requests, age, grace) => {
                    let mut fields = vec![];
                    if let Some(requests) = requests { fields.push(format!(r#""maxRequests": {requests}"#)); }
                    if let Some(age) = age { fields.push(format!(r#""maxAge": "{age}s""#)); }
                    if grace { fields.push(r#""streamGrace": "3s""#.to_owned()); }
                    connections.configure(at(0.0), inbound(&format!("{{{}}}", fields.join(","))), Overdue::AtOnce);
                }
            }
            let load = connections.load();
            let draining = open.values().filter(|state| state.0 || state.1).count() as u64;
            prop_assert_eq!(load.live, open.len() as u64 - draining);
            prop_assert_eq!(load.draining, draining);
            prop_assert_eq!(load.accepted, accepted);
        }
    }
}
