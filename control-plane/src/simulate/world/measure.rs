//! How even the pods really are.

use super::super::optimum::{self, Landing};
use super::super::outcome::{Change, Outcome, Sample};
use super::super::scenario::{Balancer, Measure, Scenario};
use super::{Happening, LEAD_IN, Pod, World};
use crate::rebalance::GroupStatus;
use crate::rebalance::law::{self, Goal};
use evenkeel_filter_core::Time;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::time::Duration;

/// Pods must stay even for this long.
const STAY: f64 = 3.0;
/// So many samples at most, and not more often than this.
const SAMPLES: u32 = 2_000;
const SHORTEST: Duration = Duration::from_millis(250);

/// What is known so far.
#[derive(Debug)]
pub struct Measurements {
    goal: Goal,
    landing: Landing,
    settle: Duration,
    every: Duration,
    chance: StdRng,
    /// The last change of pods or weights, and the closes until then.
    disturbed: Option<Time>,
    closes_before: u64,
    optimum: Option<f64>,
    states: Vec<Change>,
    samples: Vec<Sample>,
}

impl Measurements {
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let follows = matches!(scenario.balancer, Balancer::LeastConnections | Balancer::Steer);
        Self {
            goal: Goal::of(&scenario.rebalance.policy(false)),
            landing: if follows { Landing::Least } else { Landing::Blind },
            settle: scenario.rebalance.settle,
            every: (scenario.duration / SAMPLES).max(SHORTEST),
            chance: StdRng::seed_from_u64(seed),
            disturbed: None,
            closes_before: 0,
            optimum: None,
            states: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Pods or weights have changed.
    pub fn disturbed(&mut self, now: Time) {
        self.disturbed = Some(now);
        self.closes_before = self.closes();
        self.optimum = None;
    }

    fn closes(&self) -> u64 {
        self.samples.last().map_or(0, |sample| sample.closes)
    }

    /// What the control plane says.
    pub fn state(&mut self, now: Time, status: GroupStatus) {
        if self.states.last().map(|change| change.state) != Some(status.state) {
            let GroupStatus { state, reason, .. } = status;
            self.states.push(Change { seconds: seconds(now), state, reason });
        }
    }

    fn has_settled(&self, now: Time) -> bool {
        self.disturbed.is_some_and(|disturbed| now >= disturbed.plus(self.settle))
    }

    fn sample(&mut self, sample: Sample, now: Time, live: &[u64]) {
        if self.has_settled(now) && self.optimum.is_none() {
            self.optimum = Some(optimum::closes(live, &self.goal, self.landing, &mut self.chance));
        }
        self.samples.push(sample);
    }

    /// The whole result.
    pub fn outcome(self, connections: u64) -> Outcome {
        let settled = self.disturbed.map(|disturbed| seconds(disturbed.plus(self.settle)));
        let closes = self.closes();
        let closes_after = closes - self.closes_before;
        Outcome {
            connections,
            closes,
            closes_after,
            settled,
            seconds_to_even: settled.and_then(|settled| self.seconds_to_even(settled)),
            closes_per_connection: closes_after as f64 / connections.max(1) as f64,
            optimum_closes_per_connection: self.optimum.unwrap_or_default() / connections.max(1) as f64,
            states: self.states,
            samples: self.samples,
        }
    }

    fn seconds_to_even(&self, settled: f64) -> Option<f64> {
        let mut even_since = None;
        for sample in self.samples.iter().filter(|sample| sample.seconds >= settled) {
            even_since = if sample.even { even_since.or(Some(sample.seconds)) } else { None };
            if even_since.is_some_and(|since| sample.seconds >= since + STAY) {
                break;
            }
        }
        even_since.map(|since| since - settled)
    }
}

impl World<'_> {
    pub(super) fn measure(&mut self, now: Time) {
        let ready: Vec<&Pod> = self.pods.iter().filter(|pod| pod.is_ready()).collect();
        let live: Vec<u64> = ready.iter().map(|pod| pod.live()).collect();
        let loads = self.loads(&ready);
        let weights: Vec<f64> = ready.iter().map(|pod| f64::from(pod.weight)).collect();
        let shares = law::shares(loads.iter().sum(), &weights);
        let relative =
            || loads.iter().zip(&shares).filter(|(_, share)| **share > 0.0).map(|(load, share)| load / share);
        let sample = Sample {
            seconds: seconds(now),
            pods: ready.len(),
            max: relative().fold(0.0, f64::max),
            min: relative().fold(f64::INFINITY, f64::min).min(relative().fold(0.0, f64::max)),
            even: self.measurements.goal.balanced(&loads, &shares),
            closes: self.pods.iter().map(|pod| pod.envoy.drained()).sum(),
        };
        self.measurements.sample(sample, now, &live);
        self.agenda.plan(now.plus(self.measurements.every), Happening::Measure);
    }

    /// In connections, or in terms of the mean request rate of a connection.
    fn loads(&self, ready: &[&Pod]) -> Vec<f64> {
        if self.scenario.rebalance.signal == Measure::Connections {
            return ready.iter().map(|pod| pod.live() as f64).collect();
        }
        let rates: f64 = ready.iter().map(|pod| pod.request_rate()).sum();
        let connections: u64 = ready.iter().map(|pod| pod.live()).sum();
        let mean = if rates > 0.0 { rates / connections.max(1) as f64 } else { 1.0 };
        ready.iter().map(|pod| pod.request_rate() / mean).collect()
    }
}

/// After the clients have connected.
fn seconds(now: Time) -> f64 {
    now.since(Time::from_nanoseconds(0)).as_secs_f64() - LEAD_IN.as_secs_f64()
}
