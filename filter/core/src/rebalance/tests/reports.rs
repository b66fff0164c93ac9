//! What is reported, when, and by whom.

use std::time::Duration;

use evenkeel_proto::rebalance::{Directive, Signal as ReportedSignal};

use super::proxy::{ID, Proxy, directive, settings};
use crate::caps::Draw;
use crate::rebalance::Instance;

#[test]
fn a_report_is_the_sum_of_all_workers() {
    let mut proxy = Proxy::new(settings(""), &[3, 2, 0]);
    let id = proxy.open(0);
    proxy.workers[0].connections.request(id, proxy.now);
    proxy.workers[0].connections.closed(id);
    let report = proxy.report();
    assert_eq!((report.group.as_str(), report.instance, report.sequence), ("shop/gateway", ID, 1));
    assert_eq!((report.live, report.draining, report.accepted, report.requests), (5, 0, 6, 1));
    assert_eq!((report.signal(), report.revision), (ReportedSignal::Connections, 0));
    assert_eq!((report.max_rate, report.interval.unwrap().seconds), (0.2, 1));
}

#[test]
fn there_is_one_report_per_interval_whatever_the_number_of_workers() {
    for workers in [1, 4, 16] {
        let mut proxy = Proxy::new(settings(""), &vec![1; workers]);
        proxy.round();
        for sequence in 1..20 {
            let (reports, _) = proxy.run_answered(1.0, 0);
            assert_eq!(reports.len(), 1, "with {workers} workers");
            assert_eq!(reports[0].sequence, sequence);
        }
    }
}

#[test]
fn reports_without_answer_become_rarer_and_the_first_and_the_last_of_them_are_told() {
    let mut proxy = Proxy::new(settings(""), &[5]);
    let (mut begins, mut sent) = (0, vec![]);
    for _ in 0..1200 {
        let (reports, _) = proxy.run(0.05);
        for report in reports {
            sent.push(proxy.now);
            let now = proxy.now;
            begins += u32::from(
                proxy.change(|instance, settings| instance.unanswered(now, report.sequence, settings, Draw::NONE)),
            );
        }
    }
    let gaps: Vec<_> = sent.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64().round() as u64).collect();
    assert_eq!((begins, &gaps[..6]), (1, &[1, 2, 4, 8, 10, 10][..]));
    let sequence = proxy.run(10.1).0.pop().unwrap().sequence;
    assert!(proxy.answer(sequence, &directive(1, 0)).works_again);
    let sequence = proxy.report().sequence;
    assert!(!proxy.answer(sequence, &directive(2, 0)).works_again);
}

#[test]
fn a_vm_that_ticks_no_more_is_replaced_and_takes_its_gauges_with_it() {
    let mut proxy = Proxy::new(settings(""), &[10, 5]);
    let first = proxy.run_answered(2.0, 0).0.pop().unwrap();
    assert_eq!((first.live, first.accepted), (15, 15));
    let dead = proxy.workers.remove(0);
    let (reports, _) = proxy.run_answered(5.0, 0);
    assert!(reports.len() >= 4, "another one leads within a few ticks: {reports:#?}");
    let last = reports.last().unwrap();
    assert_eq!((last.instance, last.live, last.accepted), (ID, 5, 15));
    // It only was slow: it is back with what it has, and nothing is counted twice.
    proxy.workers.push(dead);
    let last = proxy.run_answered(2.0, 0).0.pop().unwrap();
    assert_eq!((last.live, last.accepted), (15, 15));
}

#[test]
fn a_report_that_dies_with_its_vm_is_given_up() {
    let mut proxy = Proxy::new(settings(""), &[10, 5]);
    proxy.report();
    proxy.workers.remove(0);
    let mut lost = vec![];
    for _ in 0..60 {
        proxy.now = proxy.now.plus(Duration::from_millis(50));
        lost.extend(proxy.round().into_iter().filter_map(|turn| turn.lost));
    }
    assert_eq!(lost, [true]);
}

#[test]
fn bytes_that_are_no_instance_are_none() {
    assert_eq!(Instance::decode(b""), None);
    assert_eq!(Instance::decode(&[255; 7]), None);
}

/// How many reports go out in so many seconds when each is answered with this interval.
fn reports_with_interval(asked: Duration, seconds: f64) -> usize {
    let mut proxy = Proxy::new(settings(""), &[1]);
    proxy.round();
    let mut reports = 0;
    for _ in 0..(seconds * 20.0) as u32 {
        for report in proxy.run(0.05).0 {
            let interval = asked.try_into().ok();
            proxy.answer(report.sequence, &Directive { interval, ..directive(report.revision + 1, 0) });
            reports += 1;
        }
    }
    reports
}

#[test]
fn a_directive_sets_the_interval_within_bounds() {
    assert_eq!(reports_with_interval(Duration::from_secs(10), 60.0), 6);
    assert_eq!(reports_with_interval(Duration::ZERO, 3.0), 21, "each 100 ms after the first second");
    assert_eq!(reports_with_interval(Duration::MAX, 300.0), 300, "an interval that is none is the configured one");
    assert_eq!(reports_with_interval(Duration::from_hours(1), 300.0), 5, "each minute");
}
