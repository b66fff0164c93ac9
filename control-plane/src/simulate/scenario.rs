//! What is simulated, as a YAML file says it.

use crate::rebalance::{Mode, Policy};
use crate::watched_file::document;
use evenkeel_proto::rebalance::Signal;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// A simulation. Everything but `pods`, `clients` and `duration` may be left out.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// How long it lasts, from the moment at which the clients connect.
    #[serde(with = "seconds")]
    pub duration: Duration,
    /// The number of pods at first, each with one Envoy.
    pub pods: usize,
    /// What sends connections to pods.
    #[serde(default)]
    pub balancer: Balancer,
    /// Who connects.
    pub clients: Vec<Clients>,
    /// How reports and directives travel.
    #[serde(default)]
    pub network: Network,
    /// The section `rebalance` of the filter and of the policy.
    #[serde(default)]
    pub rebalance: Rebalance,
    /// What happens.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// How a balancer chooses among ready pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Balancer {
    /// At random, as kube-proxy.
    #[default]
    Random,
    /// One after the other.
    RoundRobin,
    /// The pod with the fewest open connections.
    LeastConnections,
    /// Always the same pod for the same client address, as long as it is there.
    SourceHash,
    /// By the weights that Evenkeel gives in `steer/`.
    Steer,
}

/// Clients of one kind, each with one connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clients {
    /// How many.
    pub connections: u32,
    /// Requests per second on each connection. A connection that drains ends with its next request.
    #[serde(default = "Clients::default_request_rate")]
    pub request_rate: f64,
    /// The mean life of a connection that nobody ends; for ever when left out.
    #[serde(default, with = "optional_seconds")]
    pub lifetime: Option<Duration>,
    /// How long a client takes to come back.
    #[serde(default = "Clients::default_reconnect", with = "seconds")]
    pub reconnect: Duration,
    /// Whether their streams never end, so that a draining connection stays.
    #[serde(default)]
    pub endless: bool,
    /// Whether they go on using a connection that was told to drain.
    #[serde(default)]
    pub ignore_goaway: bool,
    /// From how many addresses they come; each from its own when left out.
    pub sources: Option<u32>,
}

impl Clients {
    fn default_request_rate() -> f64 {
        2.0
    }

    fn default_reconnect() -> Duration {
        Duration::from_millis(50)
    }

    /// Whether a connection of theirs outlives its drain.
    pub fn stays(&self) -> bool {
        self.endless || self.ignore_goaway
    }
}

/// Delays and losses between proxies and the control plane.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Network {
    /// Of a report and of its answer, and of weights to balancers.
    #[serde(with = "seconds")]
    pub delay: Duration,
    /// The part of reports that get no answer, 0 to 1.
    pub loss: f64,
}

impl Default for Network {
    fn default() -> Self {
        Self { delay: Duration::from_millis(5), loss: 0.0 }
    }
}

/// The policy, and the section of the same name of the filter.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rebalance {
    /// Whether the policy is enforced.
    pub mode: Mode,
    /// How far above its share a member may be.
    pub tolerance: f64,
    /// The part of its share that it has at least.
    pub min_share: f64,
    /// The part of all connections that is drained per second at most.
    pub max_rate: f64,
    /// How long members must have stood still.
    #[serde(with = "seconds")]
    pub settle: Duration,
    /// How long the weight of a new member rises.
    #[serde(with = "seconds")]
    pub warmup: Duration,
    /// Whether requests are measured rather than connections.
    pub signal: Measure,
    /// The time between reports while something moves.
    #[serde(with = "seconds")]
    pub interval: Duration,
}

/// What a load is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// Connections.
    #[default]
    Connections,
    /// Requests per second.
    Requests,
}

impl Default for Rebalance {
    fn default() -> Self {
        let Policy { mode, tolerance, min_share, max_rate, settle, warmup, .. } = Policy::default();
        let (signal, interval) = (Measure::Connections, Duration::from_secs(1));
        Self { mode, tolerance, min_share, max_rate, settle, warmup, signal, interval }
    }
}

impl Rebalance {
    /// As the controller takes it.
    pub fn policy(&self, paused: bool) -> Policy {
        Policy {
            mode: self.mode,
            paused,
            tolerance: self.tolerance,
            min_share: self.min_share,
            max_rate: self.max_rate,
            settle: self.settle,
            warmup: self.warmup,
            signal: match self.signal {
                Measure::Connections => Signal::Connections,
                Measure::Requests => Signal::Requests,
            },
            ..Policy::default()
        }
    }
}

/// Something that happens at a time after the clients have connected. Each event has exactly one action.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// When.
    #[serde(with = "seconds")]
    pub at: Duration,
    /// What.
    #[serde(rename = "do")]
    pub action: Action,
}

/// What can happen.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Action {
    /// There are so many pods from now on: new ones are added, or the youngest ones end with all their connections.
    Scale {
        /// How many.
        pods: usize,
    },
    /// All pods are replaced, one after the other.
    Roll {
        /// The time between two.
        #[serde(with = "seconds")]
        every: Duration,
    },
    /// The control plane is gone for a while and then begins anew.
    RestartControlPlane {
        /// For how long.
        #[serde(with = "seconds")]
        after: Duration,
    },
    /// A pod cannot reach the control plane for a while.
    Partition {
        /// Its number, from 0.
        pod: usize,
        /// For how long.
        #[serde(with = "seconds")]
        lasting: Duration,
    },
    /// A pod is not ready for a while.
    Unready {
        /// Its number, from 0.
        pod: usize,
        /// For how long.
        #[serde(with = "seconds")]
        lasting: Duration,
    },
    /// A pod claims to have so many connections.
    Lie {
        /// Its number, from 0.
        pod: usize,
        /// How many.
        live: u64,
    },
    /// A pod has another weight.
    Weight {
        /// Its number, from 0.
        pod: usize,
        /// 1 to 128.
        weight: u8,
    },
    /// The policy is paused, or not any more.
    Pause {
        /// Which of both.
        paused: bool,
    },
}

/// What is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(String);

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// Names the field, its value and the remedy.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = document(text).map_err(|problem| ScenarioError(problem.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let rebalance = &self.rebalance;
        number("pods", self.pods as f64, 1.0, 10_000.0)?;
        number("clients", self.connections() as f64, 0.0, 4_000_000.0)?;
        number("network.loss", self.network.loss, 0.0, 1.0)?;
        number("rebalance.maxRate", rebalance.max_rate, 0.001, 1.0)?;
        number("rebalance.tolerance", rebalance.tolerance, 0.001, 10.0)?;
        number("rebalance.minShare", rebalance.min_share, 0.0, 1.0)?;
        number("rebalance.interval (in seconds)", rebalance.interval.as_secs_f64(), 0.1, 10.0)?;
        self.clients.iter().try_for_each(|clients| number("requestRate", clients.request_rate, 0.001, 100_000.0))?;
        self.events.iter().try_for_each(Event::check)
    }

    /// All connections.
    pub fn connections(&self) -> u64 {
        self.clients.iter().map(|clients| u64::from(clients.connections)).sum()
    }
}

impl Event {
    fn check(&self) -> Result<(), ScenarioError> {
        match &self.action {
            Action::Scale { pods } => number("events: scale.pods", *pods as f64, 0.0, 10_000.0),
            Action::Weight { weight, .. } => number("events: weight.weight", f64::from(*weight), 1.0, 128.0),
            _ => Ok(()),
        }
    }
}

fn number(field: &str, value: f64, least: f64, most: f64) -> Result<(), ScenarioError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ScenarioError(format!("{field}: {value}: must be {least} to {most}")))
}

/// Durations as people write them, such as `90s` or `100ms`.
mod seconds {
    use super::{Duration, fmt};
    use serde::de::{Deserializer, Error, Visitor};

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        deserializer.deserialize_str(DurationVisitor)
    }

    struct DurationVisitor;

    impl Visitor<'_> for DurationVisitor {
        type Value = Duration;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a number and its unit, such as 90s, 100ms or 10h")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            humantime::parse_duration(text).map_err(|_| {
                E::custom(format_args!("{text:?}: write a number and its unit, such as 90s, 100ms or 10h"))
            })
        }
    }
}

mod optional_seconds {
    use super::{Duration, seconds};
    use serde::de::Deserializer;

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        seconds::deserialize(deserializer).map(Some)
    }
}
