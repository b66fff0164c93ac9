use std::time::Duration;

use evenkeel_proto::rebalance::{Directive, ReportRequest, Signal as ReportedSignal};
use proptest::prelude::*;

use super::*;
use crate::caps::Draw;
use crate::connections::{ConnectionId, Connections, Load, Overdue, Verdict};
use crate::settings::{Inbound, Rebalance, Settings};
use crate::time::Time;

const ID: u64 = 42;

fn settings(more: &str) -> Rebalance {
    let json = format!(r#"{{"rebalance": {{"group": "shop/gateway", "cluster": "evenkeel-rebalance"{more}}}}}"#);
    Settings::parse(json.as_bytes()).unwrap().rebalance.unwrap()
}

fn unlimited() -> Rebalance {
    settings(r#", "maxRate": 1"#)
}

/// One worker's connections and its part in the instance.
struct Worker {
    connections: Connections,
    participant: Participant,
}

/// An Envoy: workers, and the record in shared data.
struct Proxy {
    settings: Rebalance,
    instance: Option<Vec<u8>>,
    workers: Vec<Worker>,
    now: Time,
    next_id: u32,
}

impl Proxy {
    fn new(settings: Rebalance, live: &[u32]) -> Self {
        let mut proxy = Self { settings, instance: None, workers: vec![], now: at(100.0), next_id: 0 };
        for count in live {
            proxy.add_worker();
            for _ in 0..*count {
                proxy.open(proxy.workers.len() - 1);
            }
        }
        proxy
    }

    fn add_worker(&mut self) {
        let participant = Participant::new(WorkerId(self.workers.len() as u64 + 1), Load::default());
        self.workers.push(Worker { connections: Connections::default(), participant });
    }

    fn open(&mut self, worker: usize) -> ConnectionId {
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        // Each is a little younger than the one before.
        let opened = Time::from_nanoseconds(u64::from(self.next_id));
        self.workers[worker].connections.opened(id, opened, Draw::NONE);
        id
    }

    fn tick(&mut self, worker: usize) -> Turn {
        let tick = Tick { now: self.now, period: Duration::from_millis(50), draw: Draw::NONE };
        let Worker { connections, participant } = &mut self.workers[worker];
        let known = self.instance.as_deref().and_then(Instance::decode);
        let new = || Instance::new(ID, self.now, participant.id(), &self.settings, Draw::NONE);
        let mut instance = known.unwrap_or_else(new);
        connections.measure_request_rates(self.now);
        let turn = participant.turn(&mut instance, connections, &self.settings, tick);
        self.instance = Some(instance.encode());
        participant.committed(&turn);
        connections.drain(self.now, &turn.choice);
        turn
    }

    /// All workers tick once.
    fn round(&mut self) -> Vec<Turn> {
        (0..self.workers.len()).map(|worker| self.tick(worker)).collect()
    }

    /// Rounds of 50 ms for so long; the reports that went out, and how many connections began to drain.
    fn run(&mut self, seconds: f64) -> (Vec<ReportRequest>, usize) {
        let (mut reports, mut drained) = (vec![], 0);
        for _ in 0..(seconds * 20.0) as u32 {
            self.now = self.now.plus(Duration::from_millis(50));
            for turn in self.round() {
                reports.extend(turn.report.map(|(report, _)| report));
                drained += turn.choice.rebalance.len();
            }
        }
        (reports, drained)
    }

    /// As [`Self::run`], and each report is answered at once: so many drains in all.
    fn run_answered(&mut self, seconds: f64, drains: u64) -> (Vec<ReportRequest>, usize) {
        let (mut reports, mut drained) = (vec![], 0);
        for _ in 0..(seconds * 20.0) as u32 {
            let (sent, more) = self.run(0.05);
            drained += more;
            for report in sent {
                self.answer(report.sequence, &directive(report.revision + 1, drains));
                reports.push(report);
            }
        }
        (reports, drained)
    }

    fn report(&mut self) -> ReportRequest {
        self.run(1.1).0.pop().unwrap()
    }

    fn change<T>(&mut self, change: impl FnOnce(&mut Instance, &Rebalance) -> T) -> T {
        let mut instance = Instance::decode(self.instance.as_deref().unwrap()).unwrap();
        let result = change(&mut instance, &self.settings);
        self.instance = Some(instance.encode());
        result
    }

    fn answer(&mut self, sequence: u64, directive: &Directive) -> Followed {
        self.change(|instance, settings| instance.follow(sequence, directive, settings))
    }

    fn live(&self) -> Vec<u64> {
        self.workers.iter().map(|worker| worker.connections.load().live).collect()
    }
}

fn at(seconds: f64) -> Time {
    Time::from_nanoseconds((seconds * 1e9) as u64)
}

fn directive(revision: u64, drains: u64) -> Directive {
    Directive { instance: ID, revision, drains, ..Directive::default() }
}

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
fn a_directive_sets_the_interval_within_bounds() {
    let asks = |nanoseconds: i32, seconds: i64| Directive {
        interval: Some(prost_types::Duration { seconds, nanos: nanoseconds }),
        ..directive(1, 0)
    };
    for (asked, seconds, expected) in [(asks(0, 10), 60.0, 6), (asks(0, 1 << 40), 300.0, 5), (asks(1, 0), 2.0, 2)] {
        let mut proxy = Proxy::new(settings(""), &[1]);
        let sequence = proxy.report().sequence;
        assert!(proxy.answer(sequence, &asked).obeyed);
        let mut reports = 0;
        for _ in 0..(seconds * 20.0) as u32 {
            let (sent, _) = proxy.run(0.05);
            reports += sent.len();
            for report in sent {
                proxy.answer(report.sequence, &Directive { revision: report.sequence, ..asked });
            }
        }
        assert!(reports >= expected && (expected == 2 || reports == expected), "{asked:?}: {reports}");
        assert!(reports <= 20, "{asked:?}: {reports}");
    }
}

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
fn by_requests_the_heaviest_that_fit_go_from_whichever_worker_has_them() {
    let mut proxy = Proxy::new(settings(r#", "signal": "requests", "maxRate": 1"#), &[5, 5]);
    // Rates 0, 10, ..., 40 on the first worker, 100 on each connection of the second.
    for _ in 0..10 {
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
    let rates =
        |proxy: &mut Proxy| proxy.workers.iter().map(|worker| worker.connections.request_rate()).collect::<Vec<_>>();
    let before = rates(&mut proxy);
    // Young connections have the mean of their life, and these are 101 s old: only ratios count.
    let unit = before[0] / 10;
    let sequence = proxy.report().sequence;
    proxy.answer(sequence, &Directive { request_rate: unit * 7 + unit / 2, ..directive(1, 100) });
    let (reports, drained) = proxy.run(2.0);
    let report = reports.last().cloned().unwrap_or_else(|| proxy.report());
    assert!(drained >= 2 && report.drained == drained as u64, "{report:?}");
    assert!(report.drained_request_rate <= unit * 7 + unit / 2, "{report:?}");
}

#[test]
fn overdue_connections_go_at_the_rate_and_are_counted_by_their_cap() {
    let mut proxy = Proxy::new(settings(""), &[100]);
    proxy.run(2.0);
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
fn bytes_that_are_no_instance_are_none() {
    assert_eq!(Instance::decode(b""), None);
    assert_eq!(Instance::decode(&[255; 7]), None);
}

#[derive(Debug, Clone)]
enum Event {
    Open(usize),
    Close(usize, u32),
    Tick(usize),
    Wait(u16),
    Answer { revision: u64, drains: u64 },
    Fail,
    Die(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let worker = 0..4_usize;
    prop_oneof![
        4 => worker.clone().prop_map(Event::Open),
        1 => (worker.clone(), 0..60_u32).prop_map(|(worker, id)| Event::Close(worker, id)),
        6 => worker.clone().prop_map(Event::Tick),
        3 => (0..500_u16).prop_map(Event::Wait),
        2 => (0..30_u64, 0..40_u64).prop_map(|(revision, drains)| Event::Answer { revision, drains }),
        1 => Just(Event::Fail),
        1 => worker.prop_map(Event::Die),
    ]
}

proptest! {
    /// Whatever happens in whatever order: never more drains than the most that a followed directive has allowed, counters
    /// only grow and never exceed what happened, report numbers have no gaps.
    #[test]
    fn nothing_is_drained_that_was_not_allowed(events in proptest::collection::vec(event(), 0..300)) {
        let mut proxy = Proxy::new(unlimited(), &[0; 4]);
        let (mut allowed, mut drained, mut accepted) = (0, 0, 0);
        let mut last = ReportRequest::default();
        for event in events {
            match event {
                Event::Open(worker) => { proxy.open(worker); accepted += 1; }
                Event::Close(worker, id) => proxy.workers[worker].connections.closed(ConnectionId(id)),
                Event::Wait(milliseconds) => proxy.now = proxy.now.plus(Duration::from_millis(milliseconds.into())),
                Event::Tick(worker) => {
                    let turn = proxy.tick(worker);
                    drained += turn.choice.rebalance.len() as u64;
                    if let Some((report, _)) = turn.report {
                        prop_assert_eq!(report.sequence, last.sequence + 1);
                        prop_assert!(report.accepted >= last.accepted && report.accepted <= accepted);
                        prop_assert!(report.drained >= last.drained && report.drained == drained);
                        last = report;
                    }
                }
                Event::Answer { revision, drains } if proxy.instance.is_some() => {
                    let obeyed = proxy.answer(last.sequence, &directive(revision, drains)).obeyed;
                    allowed = if obeyed { allowed.max(drains) } else { allowed };
                }
                Event::Fail if proxy.instance.is_some() => {
                    let now = proxy.now;
                    proxy.change(|instance, settings| instance.unanswered(now, last.sequence, settings, Draw::NONE));
                }
                Event::Die(worker) => {
                    let id = WorkerId(1000 + u64::from(proxy.next_id));
                    proxy.workers[worker] = Worker { connections: Connections::default(), participant: Participant::new(id, Load::default()) };
                }
                _ => {}
            }
            prop_assert!(drained <= allowed, "{} drained, {} allowed", drained, allowed);
        }
    }
}

/// `Inbound::default()` has no caps; named here so that the import says what the tests rely on.
#[test]
fn without_caps_and_without_a_directive_nothing_drains() {
    let mut proxy = Proxy::new(settings(""), &[30]);
    proxy.workers[0].connections.configure(proxy.now, Inbound::default(), Overdue::Limited);
    assert_eq!(proxy.run(30.0).1, 0);
    assert_eq!(proxy.live(), [30]);
}
