//! What the demo does, how often and for how long.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::gateways::{Balancer, Clients};

use crate::gateways::variant::{Setup, Timer};

/// How often the gateways are looked at.
pub const SAMPLE_INTERVAL: Duration = Duration::from_millis(500);
/// Gateways at the start, and after the scale-out.
pub const GATEWAYS: [usize; 2] = [2, 4];

/// The usual one. Proxies that are calm report every ten seconds; a shorter one would wait for them.
const SETTLE: Duration = Duration::from_secs(10);

/// One run, whatever lets go of connections.
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
    /// How the variants are set up.
    pub setup: Setup,
}

impl Plan {
    /// The demo as people watch it: three runs take about two minutes.
    pub fn full() -> Self {
        Self {
            clients: Clients { h1: 80, h2: 80, grpc: 40 },
            request_interval: Duration::from_millis(100),
            before: Duration::from_secs(8),
            after: Duration::from_secs(32),
            window: Duration::from_secs(5),
            setup: Setup {
                timer: Timer { age: Duration::from_secs(8), jitter_percent: 100 },
                settle: SETTLE,
                balancer: Balancer::Random,
            },
        }
    }

    /// The same with less patience, for the test run.
    pub fn short() -> Self {
        Self {
            before: Duration::from_secs(4),
            after: Duration::from_secs(28),
            window: Duration::from_secs(4),
            setup: Setup {
                timer: Timer { age: Duration::from_secs(4), jitter_percent: 100 },
                settle: SETTLE,
                balancer: Balancer::Random,
            },
            ..Self::full()
        }
    }

    /// With another time from the scale-out to the end.
    ///
    /// # Errors
    /// When that is not long enough for every connection to be replaced once and to be watched afterwards.
    pub fn with_after(self, after: Duration) -> Result<Self> {
        let least = self.setup.timer.oldest() + self.window;
        ensure!(
            after >= least,
            "--seconds {} is too short: timers let connections live up to {} s and the last {} s are compared; give at \
             least {}",
            after.as_secs(),
            self.setup.timer.oldest().as_secs(),
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
    fn too_few_seconds_are_refused_with_the_least_that_will_do() {
        let error = Plan::full().with_after(Duration::from_secs(20)).unwrap_err().to_string();
        assert!(error.contains("--seconds 20") && error.contains("at least 21"), "{error}");
        assert_eq!(Plan::full().with_after(Duration::from_secs(21)).unwrap().after, Duration::from_secs(21));
    }
}
