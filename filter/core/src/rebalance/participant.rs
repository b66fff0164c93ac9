//! One VM as a part of its Envoy's instance.

use std::time::Duration;

use evenkeel_proto::rebalance::ReportRequest;

use super::instance::Instance;
use super::schedule::timeout;
use super::worker::{Worker, WorkerId};
use crate::caps::Draw;
use crate::connections::{Choice, Connections, Load};
use crate::settings::{Rebalance, Signal};
use crate::time::Time;

/// While something may be drained, the tick serves reports of this interval at least.
const ACTIVE_INTERVAL: Duration = Duration::from_secs(1);

/// A VM, and what of its counters the instance has got.
#[derive(Debug)]
pub struct Participant {
    id: WorkerId,
    told: Load,
}

/// A moment at which a VM looks at its connections.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    /// When.
    pub now: Time,
    /// How often it does so.
    pub period: Duration,
    /// A draw for what is left to chance.
    pub draw: Draw,
}

/// What one turn leads to, once the instance is written back.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Who drains.
    pub choice: Choice,
    /// The report that this VM has to send, and how long it waits for the answer.
    pub report: Option<(ReportRequest, Duration)>,
    /// The newest report was lost with the VM that sent it: true when it is the first one that gets no answer.
    pub lost: Option<bool>,
    /// The report interval that the tick has to serve.
    pub interval: Duration,
    told: Load,
}

impl Participant {
    /// A VM whose counters start from this load.
    pub fn new(id: WorkerId, load: Load) -> Self {
        Self { id, told: load }
    }

    /// The random number that tells it from the others.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Brings the instance up to date and decides. Nothing of it counts before [`Participant::committed`]: who could not
    /// write the instance back, because another VM did, takes its turn again with what that one wrote.
    pub fn turn(&self, instance: &mut Instance, connections: &Connections, settings: &Rebalance, tick: Tick) -> Turn {
        let load = connections.load();
        instance.counters.accepted += load.accepted - self.told.accepted;
        instance.counters.requests += load.requests - self.told.requests;
        instance.note(self.gauges(connections, settings.signal, tick.now), settings);
        let allowance = instance.allowance(self.id, settings.signal);
        let choice = connections.choose(&allowance);
        instance.spend(self.id, &choice);
        let (lost, report) = self.lead(instance, settings, tick);
        let is_active = connections.has_overdue() || allowance.rebalance > 0;
        let interval = if is_active { instance.interval().min(ACTIVE_INTERVAL) } else { instance.interval() };
        Turn { choice, report, lost, interval, told: load }
    }

    /// The instance of this turn was written back.
    pub fn committed(&mut self, turn: &Turn) {
        self.told = turn.told;
    }

    fn gauges(&self, connections: &Connections, signal: Signal, now: Time) -> Worker {
        let Load { live, draining, .. } = connections.load();
        let request_rate = if signal == Signal::Requests { connections.request_rate() } else { 0 };
        Worker { live, draining, request_rate, ..Worker::new(self.id, now) }
    }

    fn lead(
        &self,
        instance: &mut Instance,
        settings: &Rebalance,
        tick: Tick,
    ) -> (Option<bool>, Option<(ReportRequest, Duration)>) {
        if !instance.schedule.leads(self.id, tick.now, tick.period) {
            return (None, None);
        }
        let sequence = instance.sequence();
        let is_lost = instance.schedule.is_lost(tick.now);
        let lost = is_lost.then(|| instance.unanswered(tick.now, sequence, settings, tick.draw));
        let timeout = timeout(settings.interval);
        let sends = instance.schedule.sends(tick.now, timeout);
        (lost, sends.then(|| (instance.report(settings), timeout)))
    }
}
