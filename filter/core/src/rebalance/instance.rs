//! The reporting instance: what all VMs of one Envoy know together about one plugin.

use std::time::Duration;

use evenkeel_proto::rebalance::{Directive, ReportRequest, Signal as ReportedSignal};
use serde::{Deserialize, Serialize};

use super::apportion::apportion;
use super::counters::Counters;
use super::peak::Peak;
use super::schedule::Schedule;
use super::token_bucket::TokenBucket;
use super::worker::{Worker, WorkerId};
use crate::caps::Draw;
use crate::connections::{Allowance, Choice};
use crate::duration;
use crate::settings::{Rebalance, Signal};
use crate::time::Time;

/// The longest interval that a directive may ask for, unless a longer one is configured.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);

/// An instance; see the [module](super).
///
/// Two versions of the filter share it in one Envoy while connections of the older one live. So the record names its fields,
/// and one that a later version adds has a default: the older one ignores it and leaves it out when it writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    id: u64,
    group: String,
    pub(super) schedule: Schedule,
    sequence: u64,
    pub(super) counters: Counters,
    revision: u64,
    allowed: Allowed,
    peak: Peak,
    bucket: TokenBucket,
    workers: Vec<Worker>,
}

/// What the newest directive allows, counted from the instance's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Allowed {
    drains: u64,
    request_rate: u64,
}

/// What an answer changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// The directive was newer than all before, and for this instance.
    pub obeyed: bool,
    /// The reports before this one were not answered.
    pub works_again: bool,
}

impl Instance {
    /// An instance that starts now, with a random `id` other than 0, made by its first VM.
    pub fn new(id: u64, now: Time, first: WorkerId, settings: &Rebalance, draw: Draw) -> Self {
        Self {
            id,
            group: settings.group.to_string(),
            schedule: Schedule::new(now, first, settings.interval, draw),
            sequence: 0,
            counters: Counters::default(),
            revision: 0,
            allowed: Allowed::default(),
            peak: Peak::new(now),
            bucket: TokenBucket::new(now),
            workers: Vec::new(),
        }
    }

    /// The instance from [`Instance::encode`]; none when these bytes are none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// As bytes, for all VMs of this Envoy.
    pub fn encode(&self) -> Vec<u8> {
        // Nothing in here can fail to be written to memory; no bytes at all would be read as no instance.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The directive that answered report number `sequence`. One that is not newer than those before, or is meant for
    /// another instance, changes nothing.
    pub fn follow(&mut self, sequence: u64, directive: &Directive, settings: &Rebalance) -> Followed {
        let obeyed = directive.instance == self.id && directive.revision > self.revision;
        let asked = directive.interval.and_then(|interval| Duration::try_from(interval).ok()).filter(|_| obeyed);
        let is_newest = sequence == self.sequence;
        let interval = asked.map_or(settings.interval, |asked| within_bounds(asked, settings));
        let works_again = is_newest && self.schedule.answered(interval);
        if obeyed {
            self.revision = directive.revision;
            self.allowed = Allowed { drains: directive.drains, request_rate: directive.request_rate };
            self.apportion();
        }
        Followed { obeyed, works_again }
    }

    /// Report number `sequence` got no answer: nothing more is allowed until one does. Whether this is where it begins.
    pub fn unanswered(&mut self, now: Time, sequence: u64, settings: &Rebalance, draw: Draw) -> bool {
        let is_newest = sequence == self.sequence;
        if is_newest {
            self.withdraw();
        }
        is_newest && self.schedule.failed(now, settings.interval, draw)
    }

    /// The number of the newest report.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The interval that the tick has to serve.
    pub fn interval(&self) -> Duration {
        self.schedule.interval()
    }

    /// Takes note of what a VM has now, and of which VMs are gone.
    pub(super) fn note(&mut self, worker: Worker, settings: &Rebalance) {
        if self.group != settings.group.as_str() {
            self.group = settings.group.to_string();
            self.withdraw();
        }
        let now = worker.seen;
        let quota = self.worker(worker.id).map_or(0, |known| known.quota);
        self.workers.retain(|other| other.id != worker.id && !other.is_dead(now));
        self.workers.push(Worker { quota, ..worker });
        self.peak.update(now, self.sum(|worker| worker.live));
        self.bucket.fill(now, settings.max_rate.get() * self.peak.connections());
    }

    /// What a VM may drain now.
    pub(super) fn allowance(&self, worker: WorkerId, signal: Signal) -> Allowance {
        let left = self.left();
        let drains = self.bucket.whole();
        match signal {
            Signal::Connections => {
                let quota = self.worker(worker).map_or(0, |worker| worker.quota);
                Allowance { drains, rebalance: quota.min(left.drains), request_rate: None }
            }
            // Heavy connections are few: whoever has one that fits may take it.
            Signal::Requests => Allowance { drains, rebalance: left.drains, request_rate: Some(left.request_rate) },
        }
    }

    /// A VM drains these.
    pub(super) fn spend(&mut self, worker: WorkerId, choice: &Choice) {
        let rebalance = choice.rebalance.len() as u64;
        self.bucket.take(choice.len());
        self.counters.drained += rebalance;
        self.counters.drained_request_rate += choice.request_rate;
        if let Some(worker) = self.workers.iter_mut().find(|known| known.id == worker) {
            worker.quota = worker.quota.saturating_sub(rebalance);
            worker.drain(choice.len());
        }
    }

    /// The next report. Addresses and node are for the edge to fill in.
    pub(super) fn report(&mut self, settings: &Rebalance) -> ReportRequest {
        self.sequence += 1;
        ReportRequest {
            group: self.group.clone(),
            instance: self.id,
            sequence: self.sequence,
            live: self.sum(|worker| worker.live),
            draining: self.sum(|worker| worker.draining),
            accepted: self.counters.accepted,
            drained: self.counters.drained,
            requests: self.counters.requests,
            drained_request_rate: self.counters.drained_request_rate,
            signal: reported(settings.signal).into(),
            revision: self.revision,
            interval: prost_types::Duration::try_from(settings.interval).ok(),
            max_rate: settings.max_rate.get(),
            request_rate: self.sum(|worker| worker.request_rate),
            ..ReportRequest::default()
        }
    }

    /// What is allowed and not yet done.
    fn left(&self) -> Allowed {
        let Counters { drained, drained_request_rate, .. } = self.counters;
        Allowed {
            drains: self.allowed.drains.saturating_sub(drained),
            request_rate: self.allowed.request_rate.saturating_sub(drained_request_rate),
        }
    }

    fn apportion(&mut self) {
        let live: Vec<_> = self.workers.iter().map(|worker| worker.live).collect();
        let parts = apportion(self.left().drains, &live);
        self.workers.iter_mut().zip(parts).for_each(|(worker, part)| worker.quota = part);
    }

    fn withdraw(&mut self) {
        self.allowed = Allowed::default();
        self.apportion();
    }

    fn worker(&self, id: WorkerId) -> Option<&Worker> {
        self.workers.iter().find(|worker| worker.id == id)
    }

    fn sum(&self, gauge: impl Fn(&Worker) -> u64) -> u64 {
        self.workers.iter().map(gauge).sum()
    }
}

/// An interval that a directive asks for, such that a wrong one neither floods nor silences.
fn within_bounds(asked: Duration, settings: &Rebalance) -> Duration {
    asked.clamp(duration::SHORTEST, LONGEST_INTERVAL.max(settings.interval))
}

fn reported(signal: Signal) -> ReportedSignal {
    match signal {
        Signal::Connections => ReportedSignal::Connections,
        Signal::Requests => ReportedSignal::Requests,
    }
}
