//! One Envoy: the filter's own policy code, with one worker.

use super::scenario::{Measure, Rebalance};
use evenkeel_filter_core::rebalance::{Instance, Participant, Tick, WorkerId};
use evenkeel_filter_core::{ConnectionId, Connections, Draw, Settings, SettingsError, Time};
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::json;
use std::time::Duration;

/// An Envoy process.
#[derive(Debug)]
pub struct Envoy {
    settings: Settings,
    connections: Connections,
    instance: Instance,
    participant: Participant,
    period: Duration,
    /// What it says that it has, when it lies.
    lie: Option<u64>,
}

/// What a tick leads to.
#[derive(Debug)]
pub struct Ticked {
    /// Connections that drain from now on.
    pub drained: Vec<ConnectionId>,
    /// What is to be sent.
    pub report: Option<ReportRequest>,
    /// When to look again.
    pub again: Time,
}

/// The filter's settings for a group.
pub fn settings(group: &str, rebalance: &Rebalance) -> Result<Settings, SettingsError> {
    let signal = if rebalance.signal == Measure::Requests { "requests" } else { "connections" };
    let interval = humantime::format_duration(rebalance.interval).to_string();
    let section = json!({
        "group": group, "cluster": "evenkeel", "interval": interval, "maxRate": rebalance.max_rate, "signal": signal,
    });
    Settings::parse(json!({ "rebalance": section }).to_string().as_bytes())
}

impl Envoy {
    /// One that starts now. `None` when the settings have no section for it.
    pub fn new(now: Time, settings: &Settings, chance: &mut StdRng) -> Option<Self> {
        let worker = WorkerId(chance.random());
        let connections = Connections::default();
        let instance =
            Instance::new(chance.random_range(1..=u64::MAX), now, worker, settings.rebalance.as_ref()?, draw(chance));
        Some(Self {
            settings: settings.clone(),
            participant: Participant::new(worker, connections.load()),
            connections,
            instance,
            period: settings.tick_period(None),
            lie: None,
        })
    }

    /// A connection was accepted.
    pub fn opened(&mut self, id: ConnectionId, now: Time) {
        self.connections.opened(id, now, Draw::NONE);
    }

    /// A connection is gone.
    pub fn closed(&mut self, id: ConnectionId) {
        self.connections.closed(id);
    }

    /// So many requests came on a connection.
    pub fn requests(&mut self, id: ConnectionId, now: Time, requests: u32) {
        for _ in 0..requests {
            self.connections.request(id, now);
            self.connections.stream_ended(id);
        }
    }

    /// From now on it says that it has so many live connections.
    pub fn lies(&mut self, live: u64) {
        self.lie = Some(live);
    }

    /// Connections that were told to go on the control plane's behalf.
    pub fn drained(&self) -> u64 {
        self.connections.load().drains_by_rebalance
    }

    /// Looks at its connections.
    pub fn tick(&mut self, now: Time, chance: &mut StdRng) -> Option<Ticked> {
        let rebalance = self.settings.rebalance.as_ref()?;
        self.connections.measure_request_rates(now);
        let tick = Tick { now, period: self.period, draw: draw(chance) };
        let turn = self.participant.turn(&mut self.instance, &self.connections, rebalance, tick);
        self.participant.committed(&turn);
        self.connections.drain(now, &turn.choice);
        self.period = self.settings.tick_period(Some(turn.interval));
        let report = turn.report.map(|(report, _)| ReportRequest { live: self.lie.unwrap_or(report.live), ..report });
        Some(Ticked { drained: turn.choice.ids().collect(), report, again: now.plus(self.period) })
    }

    /// A report was answered, or refused.
    pub fn answered(&mut self, now: Time, sequence: u64, answer: Option<&Directive>, chance: &mut StdRng) {
        let Some(rebalance) = self.settings.rebalance.as_ref() else { return };
        match answer {
            Some(directive) => {
                self.instance.follow(sequence, directive, rebalance);
            }
            None => {
                self.instance.unanswered(now, sequence, rebalance, draw(chance));
            }
        }
    }
}

fn draw(chance: &mut StdRng) -> Draw {
    Draw::from_random_bits(chance.random())
}
