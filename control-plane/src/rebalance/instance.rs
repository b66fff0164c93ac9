//! One reporting Envoy: what it has said and what it may do.

use super::controller::Order;
use super::report::{Counters, Report};
use super::returning::FORGOTTEN_AFTER;
use evenkeel_filter_core::Time;
use evenkeel_filter_core::rebalance::Peak;
use evenkeel_proto::rebalance::{Directive, Signal};
use std::time::Duration;

/// What a report may be late by, beyond twice its interval, before its Envoy counts as silent: two reports can be lost, each
/// noticed after a timeout, and repeated a while later.
const DELAY: Duration = Duration::from_secs(5);

/// An Envoy process.
#[derive(Debug)]
pub struct Instance {
    report: Report,
    peak: Peak,
    heard: Time,
    heard_before: Time,
    reports: u64,
    /// When it was told to report again.
    told: Duration,
    revision: u64,
    allowed: Allowed,
    ordered: Time,
    superseded: bool,
}

/// What it may have drained since it started, in both units.
#[derive(Clone, Copy, Debug, Default)]
struct Allowed {
    connections: u64,
    request_rate: u64,
}

/// What is different since the report before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// Connections that were accepted and are more than those that ended by themselves. Who claims to accept connections
    /// and never has them gets none.
    pub accepted: u64,
    /// What was drained on our behalf.
    pub drained: Drained,
    /// Load that has come, less what has gone by itself.
    pub arrived: f64,
}

/// Connections that were drained.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drained {
    /// How many.
    pub connections: u64,
    /// Their load, in quanta.
    pub load: u64,
    /// The load that so many connections of the same Envoys had on average, in quanta.
    pub on_average: f64,
}

impl Drained {
    /// Both.
    pub fn and(self, other: Self) -> Self {
        Self {
            connections: self.connections.saturating_add(other.connections),
            load: self.load.saturating_add(other.load),
            on_average: self.on_average + other.on_average,
        }
    }
}

impl Instance {
    /// From its first report that is taken.
    pub fn new(now: Time, report: Report) -> Self {
        let mut instance = Self {
            heard: now,
            heard_before: now,
            reports: 1,
            told: report.interval,
            revision: report.revision,
            allowed: Allowed::default(),
            ordered: now,
            superseded: false,
            peak: Peak::new(now),
            report,
        };
        instance.peak.update(now, instance.report.counters.live);
        instance.take_back();
        instance
    }

    /// Takes a report, unless it has been overtaken.
    pub fn hear(&mut self, now: Time, report: Report, signal: Signal) -> Option<Change> {
        if report.sequence <= self.report.sequence {
            return None;
        }
        let change = change(&self.report.counters, &report.counters, signal);
        self.heard_before = self.heard;
        self.heard = now;
        self.reports += 1;
        self.revision = self.revision.max(report.revision);
        self.superseded = false;
        self.report = report;
        self.peak.update(now, self.report.counters.live);
        Some(change)
    }

    /// Another instance has just reported, and did so before at `heard_before`. When that was since this one did, this one
    /// is an Envoy that was restarted.
    pub fn supersede(&mut self, heard_before: Time) {
        self.superseded |= self.heard < heard_before;
    }

    /// Its id.
    pub fn id(&self) -> u64 {
        self.report.instance
    }

    /// When it was heard the time before the last.
    pub fn heard_before(&self) -> Time {
        self.heard_before
    }

    /// Whether what it said last still holds.
    pub fn is_heard(&self, now: Time) -> bool {
        !self.superseded && now <= self.heard.plus(self.told * 2).plus(DELAY)
    }

    /// When it was heard last.
    pub fn heard(&self) -> Time {
        self.heard
    }

    /// The number of reports that were taken.
    pub fn reports(&self) -> u64 {
        self.reports
    }

    /// The last report.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Whether it reports at least this often, as far as it was told.
    pub fn attends(&self, interval: Duration) -> bool {
        self.told <= interval
    }

    /// Its load, in quanta of the signal.
    pub fn load(&self, signal: Signal) -> u64 {
        load(&self.report.counters, signal)
    }

    /// What it may still drain.
    pub fn outstanding(&self, signal: Signal) -> u64 {
        let Counters { drained, drained_request_rate, .. } = self.report.counters;
        let connections = self.allowed.connections.saturating_sub(drained);
        let outstanding = match signal {
            Signal::Requests if connections == 0 => 0,
            Signal::Requests => self.allowed.request_rate.saturating_sub(drained_request_rate),
            _ => connections,
        };
        outstanding.min(self.load(signal))
    }

    /// How many connections it can be allowed to drain beyond that within so much time.
    pub fn most(&self, signal: Signal, time: Duration) -> u64 {
        let Counters { live, drained, .. } = self.report.counters;
        let allowed = self.allowed.connections.saturating_sub(drained);
        let left = if self.outstanding(signal) == 0 { live } else { live.saturating_sub(allowed) };
        let Some(rate) = self.report.max_rate else { return left };
        left.min(((self.peak.connections() * rate * time.as_secs_f64()) as u64).max(1))
    }

    /// It may drain so much more.
    pub fn allow(&mut self, now: Time, order: Order, signal: Signal) {
        if self.outstanding(signal) == 0 {
            self.take_back();
        }
        self.allowed.connections = self.allowed.connections.saturating_add(order.connections);
        if signal == Signal::Requests {
            self.allowed.request_rate = self.allowed.request_rate.saturating_add(order.load);
        }
        if order.connections > 0 {
            self.ordered = now;
        }
    }

    /// It may do nothing that it has not done yet.
    pub fn take_back(&mut self) {
        self.allowed = Allowed {
            connections: self.report.counters.drained,
            request_rate: self.report.counters.drained_request_rate,
        };
    }

    /// Takes back what it has had the time to do and has not done.
    pub fn expire(&mut self, now: Time) {
        if now >= self.ordered.plus(FORGOTTEN_AFTER).plus(self.told * 2) {
            self.take_back();
        }
    }

    /// The answer to a report.
    pub fn directive(&mut self, interval: Duration, signal: Signal) -> Directive {
        self.told = interval;
        self.revision = self.revision.saturating_add(1);
        let request_rate = match (signal, self.report.signal) {
            (Signal::Requests, _) => self.allowed.request_rate,
            // Measured by connections, but the proxy would choose by requests: only the number shall count.
            (_, Signal::Requests) => u64::MAX,
            _ => 0,
        };
        Directive {
            instance: self.report.instance,
            revision: self.revision,
            drains: self.allowed.connections,
            request_rate,
            interval: prost_types::Duration::try_from(interval).ok(),
        }
    }
}

fn load(counters: &Counters, signal: Signal) -> u64 {
    if signal == Signal::Requests { counters.request_rate } else { counters.live }
}

fn drained_load(counters: &Counters, signal: Signal) -> u64 {
    if signal == Signal::Requests { counters.drained_request_rate } else { counters.drained }
}

fn change(before: &Counters, after: &Counters, signal: Signal) -> Change {
    let drained = drained(before, after, signal);
    let gained = after.live.saturating_add(drained.connections).saturating_sub(before.live);
    Change {
        accepted: after.accepted.saturating_sub(before.accepted).min(gained),
        drained,
        arrived: load(after, signal) as f64 - load(before, signal) as f64 + drained.load as f64,
    }
}

/// A report can claim any number. More than there was has not been drained.
fn drained(before: &Counters, after: &Counters, signal: Signal) -> Drained {
    let connections = after.drained.saturating_sub(before.drained).min(before.live.saturating_add(after.live));
    let there_was = load(before, signal).saturating_add(load(after, signal));
    Drained {
        connections,
        load: drained_load(after, signal).saturating_sub(drained_load(before, signal)).min(there_was),
        on_average: connections as f64 * load(before, signal) as f64 / before.live.max(1) as f64,
    }
}
