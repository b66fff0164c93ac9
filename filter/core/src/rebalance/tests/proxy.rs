//! An Envoy as far as rebalancing goes: workers with connections, and the instance in shared data.

use std::time::Duration;

use evenkeel_proto::rebalance::{Directive, ReportRequest};

use crate::caps::Draw;
use crate::connections::{ConnectionId, Connections, Load};
use crate::rebalance::{Followed, Instance, Participant, Tick, Turn, WorkerId};
use crate::settings::{Rebalance, Settings};
use crate::time::Time;

pub const ID: u64 = 42;

pub fn settings(more: &str) -> Rebalance {
    let json = format!(r#"{{"rebalance": {{"group": "shop/gateway", "cluster": "evenkeel-rebalance"{more}}}}}"#);
    Settings::parse(json.as_bytes()).unwrap().rebalance.unwrap()
}

pub fn unlimited() -> Rebalance {
    settings(r#", "maxRate": 1"#)
}

/// One worker's connections and its part in the instance.
pub struct Worker {
    pub connections: Connections,
    pub participant: Participant,
}

/// An Envoy: workers, and the record in shared data.
pub struct Proxy {
    pub settings: Rebalance,
    pub instance: Option<Vec<u8>>,
    pub workers: Vec<Worker>,
    pub now: Time,
    pub next_id: u32,
}

impl Proxy {
    pub fn new(settings: Rebalance, live: &[u32]) -> Self {
        let mut proxy = Self { settings, instance: None, workers: vec![], now: at(100.0), next_id: 0 };
        for count in live {
            proxy.add_worker();
            for _ in 0..*count {
                proxy.open(proxy.workers.len() - 1);
            }
        }
        proxy
    }

    pub fn add_worker(&mut self) {
        let participant = Participant::new(WorkerId(self.workers.len() as u64 + 1), Load::default());
        self.workers.push(Worker { connections: Connections::default(), participant });
    }

    pub fn open(&mut self, worker: usize) -> ConnectionId {
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        // Each is a little younger than the one before.
        let opened = self.now.plus(Duration::from_nanos(u64::from(self.next_id)));
        self.workers[worker].connections.opened(id, opened, Draw::NONE);
        id
    }

    pub fn tick(&mut self, worker: usize) -> Turn {
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
    pub fn round(&mut self) -> Vec<Turn> {
        (0..self.workers.len()).map(|worker| self.tick(worker)).collect()
    }

    /// Rounds of 50 ms for so long; the reports that went out, and how many connections began to drain.
    pub fn run(&mut self, seconds: f64) -> (Vec<ReportRequest>, usize) {
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
    pub fn run_answered(&mut self, seconds: f64, drains: u64) -> (Vec<ReportRequest>, usize) {
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

    pub fn report(&mut self) -> ReportRequest {
        self.run(1.1).0.pop().unwrap()
    }

    pub fn change<T>(&mut self, change: impl FnOnce(&mut Instance, &Rebalance) -> T) -> T {
        let mut instance = Instance::decode(self.instance.as_deref().unwrap()).unwrap();
        let result = change(&mut instance, &self.settings);
        self.instance = Some(instance.encode());
        result
    }

    pub fn answer(&mut self, sequence: u64, directive: &Directive) -> Followed {
        self.change(|instance, settings| instance.follow(sequence, directive, settings))
    }

    pub fn live(&self) -> Vec<u64> {
        self.workers.iter().map(|worker| worker.connections.load().live).collect()
    }
}

pub fn at(seconds: f64) -> Time {
    Time::from_nanoseconds((seconds * 1e9) as u64)
}

pub fn directive(revision: u64, drains: u64) -> Directive {
    Directive { instance: ID, revision, drains, ..Directive::default() }
}
