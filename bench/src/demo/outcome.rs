//! What came of a run, and the summary of all for machines.

use std::time::Duration;

use evenkeel_tests::gateways::{Balancer, Clients};
use serde::Serialize;

use crate::gateways::optimum;
use crate::gateways::timeline::{CLOSE_TO_EVEN, EVEN, Load, Point, Timeline};
use crate::gateways::variant::Variant;

/// A run of each variant, in the order of [`Variant::ALL`].
pub type Runs = [(Variant, Outcome); 3];

/// One run in figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Load before the scale-out.
    pub before: Load,
    /// Load at the end.
    pub after: Load,
    /// From the scale-out on.
    pub curve: Vec<Point>,
    /// All connections when the new gateways had just become endpoints.
    pub connections: u64,
    /// The least closes that any closer needs from there.
    pub optimum_closes: f64,
    /// Connections that ended while the clients were at work.
    pub closes: u64,
    /// Those of them that ended after the scale-out.
    pub closes_after: u64,
    /// Connections that Evenkeel told to go.
    pub drains: u64,
    /// Requests that the clients made.
    pub requests: u64,
    /// Requests that failed in the clients' eyes.
    pub failed: u64,
    /// Each reason for failure, with how often it came.
    pub reasons: Vec<(String, u64)>,
}

impl Outcome {
    /// From what the gateways said; requests are the clients' to tell.
    pub fn of_gateways(timeline: &Timeline, window: Duration) -> Self {
        let last = timeline.latest().map_or(&[][..], |moment| &moment.gateways);
        let curve = timeline.curve();
        let at_scale_out = timeline.at_scale_out().map_or(&[][..], |moment| &moment.gateways);
        let connections: Vec<_> = at_scale_out.iter().map(|gateway| gateway.connections).collect();
        Self {
            before: timeline.before(window),
            after: timeline.recent(window),
            connections: connections.iter().sum(),
            optimum_closes: optimum::closes(&connections, Balancer::Random),
            closes: last.iter().map(|gateway| gateway.closes).sum(),
            closes_after: curve.last().map_or(0, |point| point.closes),
            drains: last.iter().map(|gateway| gateway.drains).sum(),
            curve,
            ..Self::default()
        }
    }

    /// Time from the scale-out to the first moment when the fullest gateway had at most so many times the mean; `None`
    /// when that never was.
    pub fn time_to(&self, max_over_mean: f64) -> Option<Duration> {
        self.curve.iter().find(|point| point.max_over_mean <= max_over_mean).map(|point| point.since)
    }

    /// Closes since the scale-out for each connection that there was; `None` without connections.
    pub fn closes_per_connection(&self) -> Option<f64> {
        self.per_connection(self.closes_after as f64)
    }

    /// The least closes per connection after which a closer that knows everything has the group balanced, behind a
    /// balancer that spreads at random; `None` without connections.
    pub fn optimum_closes_per_connection(&self) -> Option<f64> {
        self.per_connection(self.optimum_closes)
    }

    fn per_connection(&self, closes: f64) -> Option<f64> {
        (self.connections > 0).then(|| closes / self.connections as f64)
    }
}

/// What `--json FILE` writes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    with: Figures,
    timers: Figures,
    without: Figures,
    envoy: String,
    clients: Clients,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Figures {
    per_gateway_connections: Vec<f64>,
    per_gateway_rps: Vec<f64>,
    max_over_mean: Option<f64>,
    seconds_to_1_25: Option<f64>,
    seconds_to_1_1: Option<f64>,
    closes: u64,
    closes_per_connection: Option<f64>,
    optimum_closes_per_connection: Option<f64>,
    requests: u64,
    failed: u64,
}

impl Summary {
    /// The summary of all runs: with Evenkeel, with timers, without anything.
    pub fn new(runs: &Runs, envoy: &str, clients: Clients) -> Self {
        let [without, timers, with] = runs.each_ref().map(|(_, outcome)| outcome.into());
        Self { with, timers, without, envoy: envoy.to_owned(), clients }
    }
}

impl From<&Outcome> for Figures {
    fn from(outcome: &Outcome) -> Self {
        let seconds = |ratio| outcome.time_to(ratio).map(|time| rounded(time.as_secs_f64(), 1));
        let tenths = |values: &[f64]| values.iter().map(|value| rounded(*value, 1)).collect();
        Self {
            per_gateway_connections: tenths(&outcome.after.connections),
            per_gateway_rps: tenths(&outcome.after.requests_per_second),
            max_over_mean: outcome.after.max_over_mean.map(|ratio| rounded(ratio, 3)),
            seconds_to_1_25: seconds(EVEN),
            seconds_to_1_1: seconds(CLOSE_TO_EVEN),
            closes: outcome.closes,
            closes_per_connection: outcome.closes_per_connection().map(|closes| rounded(closes, 3)),
            optimum_closes_per_connection: outcome.optimum_closes_per_connection().map(|closes| rounded(closes, 3)),
            requests: outcome.requests,
            failed: outcome.failed,
        }
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use evenkeel_tests::gateways::GatewayStats;
    use serde_json::json;

    use super::*;
    use crate::gateways::timeline::Moment;

    fn moment(second: u64, gateways: &[(u64, u64)]) -> Moment {
        let stats = |&(connections, closes): &(u64, u64)| GatewayStats {
            connections,
            requests: 100 * second,
            drains: closes / 2,
            closes,
        };
        Moment { at: Duration::from_secs(second), gateways: gateways.iter().map(stats).collect() }
    }

    fn timeline() -> Timeline {
        let mut timeline = Timeline::default();
        timeline.push(moment(0, &[(100, 0), (100, 0)]));
        timeline.push(moment(1, &[(100, 0), (100, 0)]));
        timeline.scaled_out(Duration::from_secs(2));
        timeline.push(moment(2, &[(100, 0), (100, 0), (0, 0), (0, 0)]));
        timeline.push(moment(3, &[(50, 60), (50, 40), (56, 4), (44, 2)]));
        timeline
    }

    #[test]
    fn gateways_are_added_up() {
        let outcome = Outcome::of_gateways(&timeline(), Duration::from_millis(500));
        assert_eq!((outcome.closes, outcome.closes_after, outcome.drains), (106, 106, 53));
        assert_eq!((outcome.time_to(EVEN), outcome.time_to(CLOSE_TO_EVEN)), (Some(Duration::from_secs(1)), None));
        assert_eq!(outcome.before.connections, [100.0, 100.0]);
        assert_eq!(outcome.after.connections, [50.0, 50.0, 56.0, 44.0]);
        assert_eq!(outcome.closes_per_connection(), Some(0.53));
    }

    #[test]
    fn summary_has_exactly_the_documented_fields() {
        let with = Outcome {
            requests: 7,
            failed: 1,
            optimum_closes: 180.0,
            ..Outcome::of_gateways(&timeline(), Duration::from_secs(1))
        };
        let without = Outcome { requests: 8, ..Outcome::default() };
        let runs = [(Variant::Nothing, without), (Variant::Timers, Outcome::default()), (Variant::Evenkeel, with)];
        let summary = Summary::new(&runs, "1.40.0", Clients { h1: 3, h2: 2, grpc: 1 });
        let nothing = |requests: u64| {
            json!({
                "per_gateway_connections": [],
                "per_gateway_rps": [],
                "max_over_mean": null,
                "seconds_to_1_25": null,
                "seconds_to_1_1": null,
                "closes": 0,
                "closes_per_connection": null,
                "optimum_closes_per_connection": null,
                "requests": requests,
                "failed": 0,
            })
        };
        let expected = json!({
            "with": {
                "per_gateway_connections": [75.0, 75.0, 28.0, 22.0],
                "per_gateway_rps": [100.0, 100.0, 100.0, 100.0],
                "max_over_mean": 1.56,
                "seconds_to_1_25": 1.0,
                "seconds_to_1_1": null,
                "closes": 106,
                "closes_per_connection": 0.53,
                "optimum_closes_per_connection": 0.9,
                "requests": 7,
                "failed": 1,
            },
            "timers": nothing(0),
            "without": nothing(8),
            "envoy": "1.40.0",
            "clients": {"h1": 3, "h2": 2, "grpc": 1},
        });
        assert_eq!(serde_json::to_value(summary).unwrap(), expected);
    }
}
