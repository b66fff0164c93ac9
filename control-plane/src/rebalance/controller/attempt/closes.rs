//! What members have closed.

use super::PATIENCE;
use crate::rebalance::controller::Situation;
use evenkeel_filter_core::Time;
use std::collections::VecDeque;

/// The closes of one attempt, in connections.
#[derive(Debug, Default)]
pub struct Closes {
    total: f64,
    /// Those of [`PATIENCE`] ago and before.
    due: f64,
    /// The later ones.
    recent: VecDeque<(Time, f64)>,
    load: f64,
    load_on_average: f64,
}

impl Closes {
    /// Takes in what was closed since the last step.
    pub fn observe(&mut self, now: Time, situation: &Situation) {
        self.total += situation.closes;
        self.load += situation.drained;
        self.load_on_average += situation.closes_on_average;
        self.recent.push_back((now, situation.closes));
        while let Some((_, closes)) = self.recent.pop_front_if(|(then, _)| now >= then.plus(PATIENCE)) {
            self.due += closes;
        }
    }

    /// All of them.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Those whose clients have had the time to come back.
    pub fn due(&self) -> f64 {
        self.due
    }

    /// The load that they had.
    pub fn load(&self) -> f64 {
        self.load
    }

    /// The load that so many connections have on average.
    pub fn load_on_average(&self) -> f64 {
        self.load_on_average
    }
}
