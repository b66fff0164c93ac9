use proptest::prelude::*;

use super::*;
use crate::caps::Draw;
use crate::connections::{Action, Load, Overdue, Verdict};
use crate::settings::{Inbound, Settings};

fn at(seconds: f64) -> Time {
    Time::from_nanoseconds((seconds * 1e9) as u64)
}

fn ids(numbers: &[u32]) -> Vec<ConnectionId> {
    numbers.iter().copied().map(ConnectionId).collect()
}

/// Connections 0, 1, ... opened a second apart.
fn opened(count: u32) -> Connections {
    let mut connections = Connections::default();
    (0..count).for_each(|number| connections.opened(ConnectionId(number), at(f64::from(number)), Draw::NONE));
    connections
}

/// Connections with these requests per second.
fn with_rates(rates: &[u32]) -> Connections {
    let mut connections = Connections::default();
    for (number, rate) in (0..).zip(rates) {
        connections.opened(ConnectionId(number), at(0.0), Draw::NONE);
        for _ in 0..*rate {
            connections.request(ConnectionId(number), at(0.5));
        }
    }
    connections.measure_request_rates(at(1.0));
    connections
}

fn by_rate(drains: u64, request_rate: u64) -> Allowance {
    Allowance { drains, rebalance: drains, request_rate: Some(request_rate) }
}

fn by_age(drains: u64, rebalance: u64) -> Allowance {
    Allowance { drains, rebalance, request_rate: None }
}

fn inbound(json: &str) -> Inbound {
    Settings::parse(format!(r#"{{"inbound": {json}}}"#).as_bytes()).unwrap().inbound.unwrap()
}

#[test]
fn the_oldest_that_do_not_drain_yet_go() {
    let mut connections = opened(6);
    let first = connections.choose(&by_age(9, 2));
    assert_eq!((first.overdue, first.rebalance), (vec![], ids(&[0, 1])));
    connections.drain(at(10.0), &connections.choose(&by_age(9, 2)));
    connections.closed(ConnectionId(3));
    assert_eq!(connections.choose(&by_age(9, 2)).rebalance, ids(&[2, 4]));
    assert_eq!(
        connections.load(),
        Load { live: 3, draining: 2, accepted: 6, drains_by_rebalance: 2, ..Load::default() }
    );
}

#[test]
fn no_more_go_than_there_is_room_for() {
    let connections = opened(6);
    assert_eq!(connections.choose(&by_age(1, 4)).rebalance, ids(&[0]));
    assert!(connections.choose(&by_age(0, 4)).is_empty());
    assert!(connections.choose(&by_age(4, 0)).is_empty());
    assert_eq!(connections.choose(&by_age(1_000_000_000, u64::MAX)).len(), 6);
}

#[test]
fn connections_beyond_a_lowered_limit_come_first_and_keep_their_reason() {
    let mut connections = opened(4);
    connections.request(ConnectionId(3), at(4.0));
    connections.request(ConnectionId(3), at(4.0));
    connections.configure(at(5.0), inbound(r#"{"maxAge": "4s", "maxRequests": 2}"#), Overdue::Limited);
    assert!(connections.has_overdue());
    assert_eq!(connections.tick(at(5.0)), [], "they wait for their turn");
    assert_eq!(connections.request(ConnectionId(0), at(5.0)), Verdict::Keep);
    let choice = connections.choose(&by_age(4, 2));
    assert_eq!((&choice.overdue, &choice.rebalance), (&ids(&[0, 1, 3]), &ids(&[2])));
    connections.drain(at(5.0), &choice);
    let load = connections.load();
    assert_eq!((load.drains_by_age, load.drains_by_requests, load.drains_by_rebalance), (2, 1, 1));
    assert!(!connections.has_overdue());
}

#[test]
fn ordinary_expiry_does_not_wait() {
    let mut connections = opened(1);
    connections.configure(at(1.0), inbound(r#"{"maxAge": "4s"}"#), Overdue::Limited);
    assert_eq!(connections.tick(at(4.0)), [(ConnectionId(0), Action::Drain)]);
}

#[test]
fn another_edit_can_let_them_off() {
    let mut connections = opened(2);
    connections.configure(at(5.0), inbound(r#"{"maxAge": "1s"}"#), Overdue::Limited);
    connections.closed(ConnectionId(0));
    connections.configure(at(5.0), inbound(r#"{"maxAge": "1h"}"#), Overdue::Limited);
    assert!(!connections.has_overdue());
    assert!(connections.choose(&by_age(9, 0)).is_empty());
}

#[test]
fn the_largest_rates_that_fit_go() {
    let connections = with_rates(&[100, 60, 20, 5, 0]);
    let choice = connections.choose(&by_rate(9, 90_000));
    assert_eq!((choice.rebalance, choice.request_rate), (ids(&[1, 2, 3]), 85_000));
    assert_eq!(connections.choose(&by_rate(1, 90_000)).rebalance, ids(&[1]));
    assert_eq!(connections.choose(&by_rate(9, 4_999)).rebalance, []);
    assert_eq!(connections.choose(&by_rate(9, u64::MAX)).request_rate, 185_000, "without requests there is no use");
}

/// A heavy client that was moved comes back, and would fit into what is left until its requests have come.
#[test]
fn who_has_just_come_is_not_taken_for_a_light_one() {
    let mut connections = with_rates(&[60, 10]);
    connections.opened(ConnectionId(2), at(1.0), Draw::NONE);
    for _ in 0..5 {
        connections.request(ConnectionId(2), at(1.5));
    }
    connections.measure_request_rates(at(1.9));
    assert_eq!(connections.choose(&by_rate(9, 50_000)).rebalance, ids(&[0, 1]));
    connections.measure_request_rates(at(2.5));
    assert_eq!(connections.choose(&by_rate(9, 50_000)).rebalance, ids(&[0, 1, 2]));
}

#[test]
fn what_drains_has_no_rate() {
    let mut connections = with_rates(&[10, 20]);
    assert_eq!(connections.request_rate(), 30_000);
    connections.drain(at(1.0), &connections.choose(&by_rate(1, 25_000)));
    assert_eq!(connections.request_rate(), 10_000);
}

proptest! {
    #[test]
    fn a_choice_keeps_to_its_allowance(
        rates in proptest::collection::vec(0..50_u32, 0..20), drains in 0..20_u64, rebalance in 0..20_u64,
        request_rate in proptest::option::of(0..500_000_u64),
    ) {
        let connections = with_rates(&rates);
        let choice = connections.choose(&Allowance { drains, rebalance, request_rate });
        prop_assert!(choice.len() <= drains && choice.rebalance.len() as u64 <= rebalance);
        prop_assert!(choice.request_rate <= request_rate.unwrap_or(0));
        let mut distinct: Vec<_> = choice.ids().collect();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len() as u64, choice.len());
    }

    /// What is left of the rate is less than the smallest that was left out has: nothing more would have fitted.
    #[test]
    fn nothing_that_fits_is_left_out(rates in proptest::collection::vec(1..50_u32, 1..20), most in 0..500_000_u64) {
        let connections = with_rates(&rates);
        let choice = connections.choose(&by_rate(100, most));
        let chosen: Vec<_> = choice.ids().map(|id| id.0 as usize).collect();
        let left_out = rates.iter().enumerate().filter(|(number, _)| !chosen.contains(number));
        for (_, rate) in left_out {
            prop_assert!(u64::from(*rate) * 1000 > most - choice.request_rate);
        }
    }
}
