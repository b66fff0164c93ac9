//! Several workers of one Envoy: their VMs share a host.

use evenkeel_proto::rebalance::{Directive, ReportRequest};
use prost::Message;

use super::envoy::{Envoy, FakeHost};
use crate::vm::{CONNECTION, Vm};

const REPORTS: &str = r#"{"rebalance": {"group": "shop/gateway", "cluster": "evenkeel-rebalance", "maxRate": 1}}"#;

/// Two workers with a connection each: contexts 100 and 200, roots 1 and 2.
fn two_workers(host: &FakeHost) -> [Envoy<'_>; 2] {
    let mut workers = [Envoy::new(host), Envoy::new(host)];
    for (worker, root) in workers.iter_mut().zip([1, 2]) {
        assert!(worker.configure(root, CONNECTION, "balance", REPORTS));
        worker.connect(100 * root, u64::from(root), root);
    }
    workers
}

fn tick(workers: &mut [Envoy<'_>; 2], second: u64) {
    workers[0].tick(1, second);
    workers[1].tick(2, second);
}

fn reports(host: &FakeHost) -> Vec<ReportRequest> {
    host.calls.borrow().iter().map(|(_, message)| ReportRequest::decode(message.as_slice()).unwrap()).collect()
}

fn directive(report: &ReportRequest, drains: u64) -> Directive {
    Directive { instance: report.instance, revision: report.sequence, drains, ..Directive::default() }
}

#[test]
fn one_vm_reports_for_all_once_per_interval() {
    let host = FakeHost::default();
    let mut workers = two_workers(&host);
    tick(&mut workers, 10);
    assert_eq!(reports(&host), []);
    for second in 11..15 {
        tick(&mut workers, second);
        workers[0].answer(&directive(reports(&host).last().unwrap(), 0));
    }
    let reports = reports(&host);
    assert_eq!(reports.iter().map(|report| report.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(host.calls.borrow().iter().all(|(root, _)| *root == 1), "the first to come leads, and calls from its root");
    let report = reports.last().unwrap();
    assert_eq!((report.live, report.accepted, report.node.as_str()), (2, 2, "proxy-1"));
    assert_eq!(report.addresses, ["10.0.0.1", "fd00::1"]);
    assert_eq!(workers[0].metric("evenkeel.reports_sent"), 4);
}

#[test]
fn what_a_directive_allows_is_marked_in_every_worker() {
    let host = FakeHost::default();
    let mut workers = two_workers(&host);
    tick(&mut workers, 10);
    tick(&mut workers, 11);
    workers[0].answer(&directive(&reports(&host)[0], 2));
    (12..15).for_each(|second| tick(&mut workers, second));
    for (worker, context) in workers.iter().zip([100, 200]) {
        assert_eq!(worker.filter_state(context, "ek_drain").as_deref(), Some("1"));
    }
    assert_eq!(workers[0].metric("evenkeel.drains_rebalance"), 2);
    assert_eq!(workers[0].metric("evenkeel.directives_obeyed"), 1);
}

#[test]
fn a_failure_is_told_once_and_so_is_its_end() {
    let host = FakeHost::default();
    let mut workers = two_workers(&host);
    tick(&mut workers, 10);
    for second in 11..40 {
        let before = host.calls.borrow().len();
        tick(&mut workers, second);
        if host.calls.borrow().len() > before {
            workers[0].refuse();
        }
    }
    assert_eq!(
        *host.log.borrow(),
        [
            r#"reports of shop/gateway to cluster "evenkeel-rebalance" are not answered (UNAVAILABLE: no healthy upstream): connections are drained by their caps only until one is answered"#
        ]
    );
    tick(&mut workers, 60);
    workers[0].answer(&directive(reports(&host).last().unwrap(), 0));
    assert_eq!(host.log.borrow()[1], r#"reports of shop/gateway to cluster "evenkeel-rebalance" are answered again"#);
    assert_eq!(host.log.borrow().len(), 2);
    tick(&mut workers, 61);
    assert!(workers[0].metric("evenkeel.reports_failed") >= 4);
}

#[test]
fn a_cluster_that_is_missing_is_a_failure() {
    let host = FakeHost::default();
    host.has_no_cluster.set(true);
    let mut workers = two_workers(&host);
    (10..40).for_each(|second| tick(&mut workers, second));
    assert_eq!(host.log.borrow().len(), 1);
    assert!(host.log.borrow()[0].contains("it may have no such cluster"));
    assert!(workers[0].metric("evenkeel.reports_failed") >= 4);
}

#[test]
fn an_answer_that_is_no_directive_is_a_failure() {
    let host = FakeHost::default();
    let mut workers = two_workers(&host);
    tick(&mut workers, 10);
    tick(&mut workers, 11);
    workers[0].answer_bytes(b"\xff\xff");
    assert!(host.log.borrow()[0].contains("INTERNAL: the answer is no directive"));
}

#[test]
fn a_directive_of_a_later_version_is_obeyed_as_far_as_it_is_known() {
    /// A field with the number 100 and the text "later".
    const UNKNOWN_FIELD: &[u8] = b"\xa2\x06\x05later";
    let host = FakeHost::default();
    let mut workers = two_workers(&host);
    tick(&mut workers, 10);
    tick(&mut workers, 11);
    let directive = directive(&reports(&host)[0], 2).encode_to_vec();
    workers[0].answer_bytes(&[&directive, UNKNOWN_FIELD].concat());
    (12..15).for_each(|second| tick(&mut workers, second));
    assert_eq!(workers[0].metric("evenkeel.drains_rebalance"), 2);
    assert_eq!(workers[0].metric("evenkeel.directives_obeyed"), 1);
}

#[test]
fn an_edit_keeps_the_instance_and_its_counters() {
    let host = FakeHost::default();
    let mut workers = two_workers(&host);
    tick(&mut workers, 10);
    tick(&mut workers, 11);
    workers[0].answer(&directive(&reports(&host)[0], 0));
    let edited = REPORTS.replace("\"maxRate\": 1", "\"maxRate\": 0.5");
    assert!(workers[0].configure(3, CONNECTION, "balance", &edited));
    assert!(workers[1].configure(4, CONNECTION, "balance", &edited));
    for root in [1, 3] {
        workers[0].tick(root, 12);
    }
    for root in [2, 4] {
        workers[1].tick(root, 12);
    }
    let reports = reports(&host);
    assert_eq!(reports.len(), 2);
    assert_eq!((reports[1].instance, reports[1].sequence, reports[1].accepted), (reports[0].instance, 2, 2));
    assert!((reports[1].max_rate - 0.5).abs() < 1e-9);
}

#[test]
fn taking_the_section_away_and_back_does_not_count_twice() {
    let host = FakeHost::default();
    let mut workers = two_workers(&host);
    tick(&mut workers, 10);
    tick(&mut workers, 11);
    workers[0].answer(&directive(&reports(&host)[0], 0));
    for json in ["{}", REPORTS] {
        assert!(workers[0].configure(1, CONNECTION, "balance", json));
        assert!(workers[1].configure(2, CONNECTION, "balance", json));
        tick(&mut workers, 12);
    }
    (13..25).for_each(|second| tick(&mut workers, second));
    let reports = reports(&host);
    let last = reports.last().unwrap();
    assert_eq!((last.live, last.accepted), (2, 2));
    assert_eq!(workers[0].metric("evenkeel.reports_sent"), i64::try_from(reports.len()).unwrap());
}

#[test]
fn a_configuration_that_is_only_tried_leaves_nothing_in_shared_data() {
    let host = FakeHost::default();
    let mut tried = Envoy::new(&host);
    assert!(tried.configure(1, CONNECTION, "balance", REPORTS));
    drop(tried);
    assert!(host.shared_data.borrow().is_empty());
    assert!(host.calls.borrow().is_empty());
}

#[test]
fn an_answer_to_nobody_is_ignored() {
    let host = FakeHost::default();
    let mut vm = Vm::new(&host, crate::vm::Module::Whole);
    vm.answered(1, 7);
    vm.refused(1, 7, 14);
    assert!(host.log.borrow().is_empty());
}
