//! What lets go of connections in a run.

use std::time::Duration;

use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::bootstrap::ConnectionLimits;
use evenkeel_tests::gateways::{Balancer, Plan};
use serde::Serialize;

/// Envoy's own limit of a connection's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// No connection ends earlier.
    pub age: Duration,
    /// Chance adds up to so many percent.
    pub jitter_percent: u8,
}

impl Timer {
    /// When no connection is left that was there before.
    pub fn oldest(self) -> Duration {
        self.age * (100 + u32::from(self.jitter_percent)) / 100
    }

    /// How many requests a client makes on a connection of the mean age.
    pub fn requests(self, interval: Duration) -> u32 {
        let mean = (self.age + self.oldest()) / 2;
        (mean.as_secs_f64() / interval.as_secs_f64()).round() as u32
    }

    /// As Envoy has it.
    fn limits(self) -> ConnectionLimits {
        ConnectionLimits {
            max_connection_duration: Some(self.age),
            max_connection_duration_jitter: Some(self.jitter_percent),
            ..ConnectionLimits::default()
        }
    }

    /// At which ages connections end, in words.
    pub fn ages(self) -> String {
        format!("when it is {} to {} s old", self.age.as_secs(), self.oldest().as_secs())
    }
}

/// How the variants are set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Of the runs with timers.
    pub timer: Timer,
    /// `settle` of Evenkeel's policy.
    pub settle: Duration,
    /// In front of the gateways.
    pub balancer: Balancer,
}

/// One run each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Nothing.
    Nothing,
    /// Envoy's own limit of a connection's age, with jitter.
    Timers,
    /// nginx's own limit of a connection's requests (`keepalive_requests`), which knows no jitter.
    KeepaliveRequests(u32),
    /// Evenkeel's filter and control plane.
    Evenkeel,
}

impl Variant {
    /// Those of the demo, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Timers, Self::Evenkeel];

    /// What a table calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Timers => "timer caps",
            Self::KeepaliveRequests(_) => "nginx keepalive_requests",
            Self::Evenkeel => "Evenkeel",
        }
    }

    /// What happens to connections, in a few words.
    pub fn explanation(self, setup: &Setup) -> String {
        match self {
            Self::Nothing => "connections stay until their client leaves".to_owned(),
            Self::Timers => format!("Envoy's own limit ends every connection {}, for ever", setup.timer.ages()),
            Self::KeepaliveRequests(requests) => {
                format!("nginx's own limit ends every connection with its request {requests}, for ever")
            }
            Self::Evenkeel => format!(
                "gateways report, the control plane moves the excess when endpoints have stood still for {} s",
                setup.settle.as_secs()
            ),
        }
    }

    /// What the bed of a run with so many gateways is made of.
    pub fn plan(self, version: EnvoyVersion, gateways: usize, setup: &Setup) -> Plan {
        let plan = Plan::new(version, gateways).behind(setup.balancer);
        match self {
            Self::Nothing => plan,
            Self::Timers => plan.limits(setup.timer.limits()),
            Self::KeepaliveRequests(requests) => plan.nginx(requests),
            Self::Evenkeel => plan.rebalance(MAX_RATE, setup.settle),
        }
    }
}

/// Of the live connections, per second.
const MAX_RATE: f64 = 0.2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_follow_from_the_settings() {
        let timer = Timer { age: Duration::from_secs(8), jitter_percent: 100 };
        assert_eq!(timer.ages(), "when it is 8 to 16 s old");
        assert_eq!(timer.requests(Duration::from_millis(250)), 48);
    }
}
