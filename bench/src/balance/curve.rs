//! One scale-out over time. Pure.

use std::time::Duration;

use evenkeel_tests::gateways::{Balancer, is_even};

use crate::gateways::optimum::closes;

/// Even for so long is even, and not on its way through.
const STANDS: Duration = Duration::from_secs(2);
/// Closes count for so long after all is even: there should be none any more.
pub const QUIET: Duration = Duration::from_secs(5);

/// The gateways at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Time since the new gateways became endpoints.
    pub since: Duration,
    /// Open connections of each.
    pub connections: Vec<u64>,
    /// Connections that have ended since.
    pub closes: u64,
}

/// A scale-out, from the moment in which the new gateways became endpoints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScaleOut {
    /// What was seen, in order.
    pub samples: Vec<Sample>,
    /// Requests of all clients.
    pub requests: u64,
    /// Requests that failed in the clients' eyes, and why.
    pub failures: Vec<(String, u64)>,
}

impl ScaleOut {
    /// When the connections had become even and stayed so.
    pub fn even_at(&self) -> Option<Duration> {
        let last = self.samples.last()?.since;
        let uneven = self.samples.iter().rposition(|sample| !is_even(&sample.connections));
        let first = self.samples.get(uneven.map_or(0, |index| index + 1))?.since;
        (last.saturating_sub(first) >= STANDS).then_some(first)
    }

    /// Whether nothing more is to be seen.
    pub fn is_over(&self, quiet: Duration) -> bool {
        let last = self.samples.last().map_or(Duration::ZERO, |sample| sample.since);
        self.even_at().is_some_and(|even| last.saturating_sub(even) >= quiet)
    }

    /// Connections that have ended until all was even, and shortly after, for each that there was.
    pub fn closes_per_connection(&self) -> f64 {
        let end = self.even_at().map_or(Duration::MAX, |even| even + QUIET);
        let last = self.samples.iter().rev().find(|sample| sample.since <= end);
        last.map_or(0, |sample| sample.closes) as f64 / self.connections() as f64
    }

    /// Connections that ended per minute while all was even, for each that there was.
    pub fn closes_per_minute_when_even(&self) -> Option<f64> {
        let even = self.even_at()?;
        let (first, last) = (self.samples.iter().find(|sample| sample.since >= even)?, self.samples.last()?);
        let minutes = last.since.saturating_sub(first.since).as_secs_f64() / 60.0;
        Some(last.closes.saturating_sub(first.closes) as f64 / self.connections() as f64 / minutes)
    }

    /// The least that any closer needs from where this one began, for each connection that there was.
    pub fn optimum_per_connection(&self, balancer: Balancer) -> f64 {
        let start = self.samples.first().map_or(&[][..], |sample| &sample.connections);
        closes(start, balancer) / self.connections() as f64
    }

    fn connections(&self) -> u64 {
        self.samples.first().map_or(0, |sample| sample.connections.iter().sum()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale_out(moments: &[(u64, [u64; 4], u64)]) -> ScaleOut {
        let sample = |(second, connections, closes): &(u64, [u64; 4], u64)| Sample {
            since: Duration::from_secs(*second),
            connections: connections.to_vec(),
            closes: *closes,
        };
        ScaleOut { samples: moments.iter().map(sample).collect(), ..ScaleOut::default() }
    }

    #[test]
    fn even_is_what_stays_even() {
        let passing =
            [(0, [100, 100, 0, 0], 0), (1, [50, 50, 50, 50], 150), (2, [80, 40, 40, 40], 170), (3, [50; 4], 190)];
        assert_eq!(scale_out(&passing).even_at(), None, "too short to say");
        let stays = [&passing[..], &[(4, [52, 48, 50, 50], 190), (5, [50; 4], 190)]].concat();
        assert_eq!(scale_out(&stays).even_at(), Some(Duration::from_secs(3)));
        assert!(
            scale_out(&stays).is_over(Duration::from_secs(2)) && !scale_out(&stays).is_over(Duration::from_secs(3))
        );
    }

    #[test]
    fn closes_are_per_connection_of_the_start() {
        let done = scale_out(&[(0, [100, 100, 0, 0], 0), (1, [50; 4], 190)]);
        assert!((done.closes_per_connection() - 0.95).abs() < 1e-9);
        assert_eq!(done.closes_per_minute_when_even(), None, "it has not stood");
        assert!((done.optimum_per_connection(Balancer::Random) - 0.9).abs() < 0.05);
        assert!((done.optimum_per_connection(Balancer::Steer) - 0.45).abs() < 0.01);
    }

    #[test]
    fn what_goes_on_when_all_is_even_is_a_rate_of_its_own() {
        let goes_on = scale_out(&[(0, [100, 100, 0, 0], 0), (1, [50; 4], 200), (5, [50; 4], 250), (31, [50; 4], 600)]);
        assert!((goes_on.closes_per_connection() - 1.25).abs() < 1e-9, "until 5 s after");
        assert!(goes_on.closes_per_minute_when_even().is_some_and(|rate| (rate - 4.0).abs() < 1e-9));
    }
}
