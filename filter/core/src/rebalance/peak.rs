//! How many connections there were when a drain began.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Within this time a peak falls to 1/e: over the seconds that a drain takes it hardly falls, and over minutes it is gone.
const FALL: Duration = Duration::from_secs(20);

/// The most connections that there have been lately. A rate that is a share of the connections is a share of these: it
/// would fall with what it drains otherwise, and the last half take as long as all the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    connections: f64,
    at: Time,
}

impl Peak {
    /// Nothing yet.
    pub fn new(now: Time) -> Self {
        Self { connections: 0.0, at: now }
    }

    /// There are so many connections now.
    pub fn update(&mut self, now: Time, connections: u64) {
        let fallen = (-now.since(self.at).as_secs_f64() / FALL.as_secs_f64()).exp();
        self.connections = (self.connections * fallen).max(connections as f64);
        self.at = self.at.max(now);
    }

    /// The most of them lately; never fewer than there are.
    pub fn connections(&self) -> f64 {
        self.connections
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_nanoseconds(seconds * 1_000_000_000)
    }

    fn is(peak: Peak, connections: f64) -> bool {
        (peak.connections() - connections).abs() < 0.5
    }

    #[test]
    fn it_rises_at_once_and_falls_slowly() {
        let mut peak = Peak::new(at(0));
        peak.update(at(1), 1000);
        peak.update(at(2), 100);
        assert!((950.0..1000.0).contains(&peak.connections()), "{peak:?}");
        peak.update(at(21), 100);
        assert!(is(peak, 1000.0 / std::f64::consts::E), "{peak:?}");
        peak.update(at(300), 100);
        assert!(is(peak, 100.0), "{peak:?}");
    }

    #[test]
    fn how_often_it_is_updated_does_not_matter() {
        let mut often = Peak::new(at(0));
        often.update(at(0), 1000);
        let mut rarely = often;
        (1..=10).for_each(|second| often.update(at(second), 1));
        rarely.update(at(10), 1);
        assert!(is(often, rarely.connections()), "{often:?}, {rarely:?}");
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let mut peak = Peak::new(at(10));
        peak.update(at(10), 1000);
        peak.update(at(5), 10);
        assert!(is(peak, 1000.0), "{peak:?}");
    }
}
