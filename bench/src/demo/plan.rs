//! What the demo does, how often and for how long.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

/// How often the gateways are looked at.
pub const SAMPLE_INTERVAL: Duration = Duration::from_millis(500);
/// Gateways at the start, and after the scale-out.
pub const GATEWAYS: [usize; 2] = [2, 4];

/// Persistent clients by kind, each with one connection at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Clients {
    /// HTTP/1.1 with keep-alive.
    pub h1: usize,
    /// HTTP/2.
    pub h2: usize,
    /// gRPC, unary calls.
    pub grpc: usize,
}

impl Clients {
    /// All of them.
    pub fn total(self) -> usize {
        self.h1 + self.h2 + self.grpc
    }
}

/// One run, with or without the filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Who asks.
    pub clients: Clients,
    /// Time between two requests of one client.
    pub request_interval: Duration,
    /// Time with the first gateways only.
    pub before: Duration,
    /// Time from the scale-out to the end.
    pub after: Duration,
    /// The stretch at the end, and before the scale-out, whose mean is reported.
    pub window: Duration,
    /// `inbound.maxAge` of the filter.
    pub max_age: Duration,
    /// `inbound.jitter` of the filter.
    pub jitter: f64,
}

impl Plan {
    /// The demo as people watch it: two runs take less than 90 s.
    pub fn full() -> Self {
        Self {
            clients: Clients { h1: 80, h2: 80, grpc: 40 },
            request_interval: Duration::from_millis(100),
            before: Duration::from_secs(10),
            after: Duration::from_secs(25),
            window: Duration::from_secs(10),
            max_age: Duration::from_secs(10),
            jitter: 0.5,
        }
    }

    /// The same with less patience, for the test run.
    pub fn short() -> Self {
        Self {
            before: Duration::from_secs(4),
            after: Duration::from_secs(10),
            window: Duration::from_secs(5),
            max_age: Duration::from_secs(4),
            ..Self::full()
        }
    }

    /// `inbound.maxAge` as the plugin configuration writes it.
    pub fn max_age_text(&self) -> String {
        format!("{}s", self.max_age.as_secs())
    }

    /// At which ages connections are told to go, in words.
    pub fn ages(&self) -> String {
        let youngest = self.max_age.as_secs_f64() * (1.0 - self.jitter);
        let (oldest, text, jitter) = (self.max_age.as_secs(), self.max_age_text(), self.jitter);
        format!("connections are told to go when {youngest:.0} to {oldest} s old (maxAge {text}, jitter {jitter})")
    }

    /// With another time from the scale-out to the end.
    ///
    /// # Errors
    /// When that is not long enough for every connection to be replaced once and to be watched afterwards.
    pub fn with_after(self, after: Duration) -> Result<Self> {
        let least = self.max_age + self.window;
        ensure!(
            after >= least,
            "--seconds {} is too short: connections live up to {} s and the last {} s are compared; give at least {}",
            after.as_secs(),
            self.max_age.as_secs(),
            self.window.as_secs(),
            least.as_secs()
        );
        Ok(Self { after, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_plans_leave_time_to_replace_every_connection_and_watch() {
        for plan in [Plan::full(), Plan::short()] {
            let after = plan.after;
            assert_eq!(plan.clone().with_after(after).unwrap(), plan);
        }
    }

    #[test]
    fn ages_follow_from_the_settings() {
        let expected = "connections are told to go when 5 to 10 s old (maxAge 10s, jitter 0.5)";
        assert_eq!(Plan::full().ages(), expected);
    }

    #[test]
    fn too_few_seconds_are_refused_with_the_least_that_will_do() {
        let error = Plan::full().with_after(Duration::from_secs(19)).unwrap_err().to_string();
        assert!(error.contains("--seconds 19") && error.contains("at least 20"), "{error}");
        assert_eq!(Plan::full().with_after(Duration::from_secs(20)).unwrap().after, Duration::from_secs(20));
    }
}
