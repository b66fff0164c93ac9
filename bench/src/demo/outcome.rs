//! What came of a run, and the summary of both for machines.

use std::time::Duration;

use serde::Serialize;

use super::plan::Clients;
use super::timeline::{Load, Timeline};

/// One run in figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Load before the scale-out.
    pub before: Load,
    /// Load at the end.
    pub after: Load,
    /// From the scale-out until the connections were even; `None` when they never were.
    pub time_to_even: Option<Duration>,
    /// Connections that ended while the clients were at work.
    pub closes: u64,
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
        Self {
            before: timeline.before(window),
            after: timeline.recent(window),
            time_to_even: timeline.time_to_even(),
            closes: last.iter().map(|gateway| gateway.closes).sum(),
            drains: last.iter().map(|gateway| gateway.drains).sum(),
            ..Self::default()
        }
    }
}

/// What `--json FILE` writes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    with: Figures,
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
    closes: u64,
    requests: u64,
    failed: u64,
}

impl Summary {
    /// The summary of the run with the filter and of the one without.
    pub fn new(with: &Outcome, without: &Outcome, envoy: &str, clients: Clients) -> Self {
        Self { with: with.into(), without: without.into(), envoy: envoy.to_owned(), clients }
    }
}

impl From<&Outcome> for Figures {
    fn from(outcome: &Outcome) -> Self {
        let tenths = |values: &[f64]| values.iter().map(|value| rounded(*value, 1)).collect();
        Self {
            per_gateway_connections: tenths(&outcome.after.connections),
            per_gateway_rps: tenths(&outcome.after.requests_per_second),
            max_over_mean: outcome.after.max_over_mean.map(|ratio| rounded(ratio, 3)),
            seconds_to_1_25: outcome.time_to_even.map(|time| rounded(time.as_secs_f64(), 1)),
            closes: outcome.closes,
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
    use serde_json::json;

    use super::*;
    use crate::demo::timeline::{GatewayStats, Moment};

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
        timeline.push(moment(3, &[(50, 60), (50, 40), (55, 4), (45, 2)]));
        timeline
    }

    #[test]
    fn gateways_are_added_up() {
        let outcome = Outcome::of_gateways(&timeline(), Duration::from_millis(500));
        assert_eq!((outcome.closes, outcome.drains), (106, 53));
        assert_eq!(outcome.time_to_even, Some(Duration::from_secs(1)));
        assert_eq!(outcome.before.connections, [100.0, 100.0]);
        assert_eq!(outcome.after.connections, [50.0, 50.0, 55.0, 45.0]);
    }

    #[test]
    fn summary_has_exactly_the_documented_fields() {
        let with = Outcome { requests: 7, failed: 1, ..Outcome::of_gateways(&timeline(), Duration::from_secs(1)) };
        let without = Outcome { requests: 8, ..Outcome::default() };
        let summary = Summary::new(&with, &without, "1.40.0", Clients { h1: 3, h2: 2, grpc: 1 });
        let expected = json!({
            "with": {
                "per_gateway_connections": [75.0, 75.0, 27.5, 22.5],
                "per_gateway_rps": [100.0, 100.0, 100.0, 100.0],
                "max_over_mean": 1.55,
                "seconds_to_1_25": 1.0,
                "closes": 106,
                "requests": 7,
                "failed": 1,
            },
            "without": {
                "per_gateway_connections": [],
                "per_gateway_rps": [],
                "max_over_mean": null,
                "seconds_to_1_25": null,
                "closes": 0,
                "requests": 8,
                "failed": 0,
            },
            "envoy": "1.40.0",
            "clients": {"h1": 3, "h2": 2, "grpc": 1},
        });
        assert_eq!(serde_json::to_value(summary).unwrap(), expected);
    }
}
