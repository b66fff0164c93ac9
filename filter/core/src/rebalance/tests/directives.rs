//! What a directive does, and what it cannot do.

use std::time::Duration;

use evenkeel_proto::rebalance::Directive;

use super::proxy::{ID, Proxy, directive, settings, unlimited};
use crate::caps::Draw;
use crate::connections::{ConnectionId, Overdue, Verdict};
use crate::rebalance::Instance;
use crate::settings::{Rebalance, Settings};

#[test]
fn a_directive_drains_exactly_what_it_allows_oldest_first_in_proportion() {
    let mut proxy = Proxy::new(unlimited(), &[40, 20, 20]);
    let sequence = proxy.report().sequence;
    assert!(proxy.answer(sequence, &directive(1, 20)).obeyed);
    let mut drained: Vec<Vec<u32>> = vec![vec![]; 3];
    for _ in 0..40 {
        proxy.now = proxy.now.plus(Duration::from_millis(50));
        for (worker, turn) in proxy.round().into_iter().enumerate() {
            drained[worker].extend(turn.choice.rebalance.iter().map(|id| id.0));
        }
    }
    let expected = [(0..10).collect(), (40..45).collect(), (60..65).collect::<Vec<_>>()];
    assert_eq!(drained, expected);
    assert_eq!(proxy.live(), [30, 15, 15]);
}

#[test]
fn a_repeated_late_or_foreign_directive_changes_nothing() {
    let mut proxy = Proxy::new(unlimited(), &[100]);
    let sequence = proxy.report().sequence;
    assert!(proxy.answer(sequence, &directive(5, 10)).obeyed);
    for stale in [directive(5, 90), directive(4, 90), Directive { instance: 7, ..directive(6, 90) }] {
        assert!(!proxy.answer(sequence, &stale).obeyed);
    }
    assert_eq!(proxy.run(3.0).1, 10);
    assert_eq!(proxy.report().drained, 10);
}

#[test]
fn what_was_allowed_can_be_taken_back() {
    let mut proxy = Proxy::new(settings(""), &[100]);
    let sequence = proxy.report().sequence;
    proxy.answer(sequence, &directive(1, 50));
    let (_, drained) = proxy.run(0.5);
    assert!((1..50).contains(&drained));
    proxy.answer(sequence, &directive(2, 0));
    assert_eq!(proxy.run(3.0).1, 0);
}

#[test]
fn without_an_answer_nothing_more_is_drained() {
    let mut proxy = Proxy::new(settings(""), &[100]);
    let sequence = proxy.report().sequence;
    proxy.answer(sequence, &directive(1, 50));
    proxy.run(0.2);
    let next = proxy.run(1.0).0.pop().unwrap().sequence;
    let now = proxy.now;
    let fails = |instance: &mut Instance, settings: &Rebalance| instance.unanswered(now, next, settings, Draw::NONE);
    assert!(proxy.change(fails), "this is where it begins");
    assert_eq!(proxy.run(20.0).1, 0);
}

#[test]
fn a_wrong_directive_drains_no_faster_than_the_rate() {
    let mut proxy = Proxy::new(settings(r#", "maxRate": 0.1"#), &[500, 300, 200]);
    proxy.run_answered(2.0, 0);
    let live = 1000.0;
    for seconds in 1..=5 {
        let (_, drained) = proxy.run_answered(1.0, 1_000_000_000);
        let most = 0.1 * live + if seconds == 1 { 25.0 } else { 0.0 };
        assert!(drained as f64 <= most + 1.0, "{drained} in second {seconds}");
        assert!(drained > 40 || seconds == 1, "{drained} in second {seconds}");
    }
}

#[test]
fn overdue_connections_go_at_the_rate_and_are_counted_by_their_cap() {
    let mut proxy = Proxy::new(settings(""), &[100]);
    proxy.run(12.0);
    let inbound = Settings::parse(br#"{"inbound": {"maxAge": "10s"}}"#).unwrap().inbound.unwrap();
    proxy.workers[0].connections.configure(proxy.now, inbound, Overdue::Limited);
    assert_eq!(proxy.workers[0].connections.tick(proxy.now), []);
    assert_eq!(proxy.workers[0].connections.request(ConnectionId(0), proxy.now), Verdict::Keep);
    proxy.run(1.0);
    let load = proxy.workers[0].connections.load();
    assert!((15..=24).contains(&load.drains_by_age), "{load:?}");
    assert_eq!((load.live, load.drains_by_rebalance), (100 - load.drains_by_age, 0));
    let (reports, _) = proxy.run(60.0);
    assert_eq!(proxy.workers[0].connections.load().drains_by_age, 100);
    assert_eq!(reports.last().unwrap().drained, 0);
}

#[test]
fn another_group_starts_with_nothing_allowed_and_the_same_counters() {
    let mut proxy = Proxy::new(unlimited(), &[50]);
    let sequence = proxy.report().sequence;
    proxy.answer(sequence, &directive(3, 40));
    proxy.settings =
        Settings::parse(br#"{"rebalance": {"group": "shop/other", "cluster": "c"}}"#).unwrap().rebalance.unwrap();
    let (reports, drained) = proxy.run(3.0);
    let report = reports.last().unwrap();
    assert_eq!((report.group.as_str(), report.instance, report.accepted), ("shop/other", ID, 50));
    assert_eq!((drained, report.drained, report.revision), (0, 0, 3));
}

#[test]
fn by_requests_the_largest_rates_that_fit_go_from_whichever_worker_has_them() {
    let mut proxy = Proxy::new(settings(r#", "signal": "requests", "maxRate": 1"#), &[5, 5]);
    // 0, 10, ..., 40 requests per second on the first worker, 100 on each connection of the second.
    for _ in 0..20 {
        for number in 0..10_u32 {
            let requests = if number < 5 { number } else { 10 };
            let worker = &mut proxy.workers[usize::from(number >= 5)];
            for _ in 0..requests {
                worker.connections.request(ConnectionId(number), proxy.now);
            }
        }
        proxy.now = proxy.now.plus(Duration::from_millis(100));
        proxy.round();
    }
    proxy.answer(1, &Directive { request_rate: 75_000, ..directive(1, 100) });
    let turn = proxy.tick(0);
    assert_eq!(turn.choice.rebalance, [ConnectionId(4), ConnectionId(3)]);
    assert!(turn.choice.request_rate.abs_diff(70_000) < 100, "{turn:?}");
    let report = proxy.report();
    assert_eq!((report.drained, report.drained_request_rate), (2, turn.choice.request_rate));
}

#[test]
fn without_a_directive_nothing_drains() {
    let mut proxy = Proxy::new(settings(""), &[30]);
    assert_eq!(proxy.run_answered(30.0, 0).1, 0);
    assert_eq!(proxy.live(), [30]);
}
