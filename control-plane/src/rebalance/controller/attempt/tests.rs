use super::*;
use crate::rebalance::controller::Member;

const CONNECTIONS: f64 = 100.0;

fn at(seconds: u64) -> Time {
    Time::from_nanoseconds(seconds * 1_000_000_000)
}

/// A full member and an empty one, which have accepted so many since the step before.
fn situation(accepted: [f64; 2]) -> Situation {
    let member = |(index, accepted): (u8, f64)| Member {
        address: [127, 0, 0, index].into(),
        live: 0.0,
        weight: 1.0,
        accepted,
        most: u64::MAX,
        mean: 1.0,
    };
    Situation { members: (1..).zip(accepted).map(member).collect(), ..Situation::default() }
}

/// With a first order of so many.
fn attempt(ordered: f64) -> Attempt {
    let mut attempt = Attempt::new(CONNECTIONS, 0.0);
    let forecast =
        Forecast { receives: vec![false, true], blind: vec![0.5; 2], steered: vec![0.0, 1.0], weights: Vec::new() };
    attempt.forecast(at(0), &situation([0.0; 2]), forecast);
    attempt.ordered(at(0), ordered, ordered);
    attempt
}

#[test]
fn a_tenth_is_risked_and_of_few_a_fifth() {
    let probes = [2_000.0, 400.0, 300.0, 150.0, 50.0].map(|connections| probe(connections) as u64);
    assert_eq!(probes, [200, 40, 40, 30, 20]);
}

#[test]
fn no_more_is_risked_until_some_have_landed() {
    let mut attempt = attempt(20.0);
    assert!(attempt.room(at(1)).abs() < 1e-9);
    attempt.observe(at(1), &situation([3.0, 1.0]));
    assert!((attempt.room(at(1)) - 4.0).abs() < 1e-9, "{}", attempt.room(at(1)));
    attempt.observe(at(2), &situation([3.0, 4.0]));
    assert!(attempt.room(at(2)).is_infinite(), "they land where they are missing");
}

#[test]
fn what_was_risked_before_others_landed_well_is_at_risk_no_more() {
    let mut attempt = attempt(20.0);
    attempt.observe(at(1), &situation([3.0, 4.0]));
    (0..20).for_each(|_| attempt.observe(at(1), &situation([0.0; 2])));
    assert!((attempt.room(at(3)) - 20.0).abs() < 1e-9, "{}", attempt.room(at(3)));
}

#[test]
fn those_that_nobody_reports_are_not_waited_for_for_ever() {
    let mut attempt = attempt(20.0);
    attempt.observe(at(1), &Situation { drained: 20.0, closes: 20.0, ..situation([5.0, 1.0]) });
    assert!(attempt.room(at(19)) < 15.0);
    assert!((attempt.room(at(20)) - 20.0).abs() < 1e-9);
    attempt.observe(at(16), &situation([0.0; 2]));
    assert_eq!(attempt.failure(at(16)), None);
}

#[test]
fn members_that_let_only_light_ones_go_have_heavy_ones() {
    let mut attempt = attempt(20.0);
    let drained = |drained| Situation { drained, closes: 5.0, closes_on_average: 15.0, ..situation([0.0; 2]) };
    attempt.observe(at(1), &drained(3.0));
    assert_eq!(attempt.failure(at(1)), None, "so few say nothing");
    attempt.observe(at(1), &drained(3.0));
    let reason = attempt.failure(at(2)).unwrap_or_default();
    assert_eq!(reason, "only light connections go, 10 so far: the others may be too heavy to move");
    attempt.observe(at(1), &drained(6.0));
    assert_eq!(attempt.failure(at(2)), None, "some are as heavy as they are on average");
}

#[test]
fn members_that_let_nothing_go_have_heavy_ones_only() {
    let attempt = attempt(20.0);
    assert_eq!(attempt.failure(at(14)), None);
    let reason = attempt.failure(at(15)).unwrap_or_default();
    assert_eq!(reason, "the members have drained 0 of 20 connections: the others may be too heavy to move");
}

#[test]
fn closes_are_counted_in_connections_whatever_they_weigh() {
    let mut attempt = attempt(20.0);
    attempt.observe(at(1), &Situation { drained: 20.0, closes: 151.0, ..situation([0.0; 2]) });
    let reason = attempt.failure(at(1)).unwrap_or_default();
    assert_eq!(reason, "151 closes of 100 connections have not made them even");
}

#[test]
fn connections_that_do_not_come_back_are_streams() {
    let mut attempt = attempt(20.0);
    attempt.observe(at(1), &Situation { drained: 20.0, closes: 20.0, ..situation([1.0, 1.0]) });
    attempt.observe(at(10), &Situation { drained: 80.0, closes: 80.0, ..situation([0.0; 2]) });
    attempt.observe(at(15), &situation([0.0; 2]));
    assert_eq!(attempt.failure(at(15)), None);
    attempt.observe(at(16), &situation([0.0; 2]));
    let reason = attempt.failure(at(16)).unwrap_or_default();
    assert_eq!(reason, "of 20 drained connections 2 have come back: streams may not end");
}
