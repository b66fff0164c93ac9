//! Which scale-outs are measured.

use std::time::Duration;

use evenkeel_tests::gateways::Balancer;
use serde::Serialize;

use super::curve::QUIET;
use crate::gateways::variant::{Setup, Timer, Variant};

/// Quiet time after the last change of endpoints, the usual one.
const SETTLE: Duration = Duration::from_secs(10);
/// The least that an operator would dare, so that timers are compared at their fastest.
const TIMER: Timer = Timer { age: Duration::from_secs(10), jitter_percent: 100 };

/// One scale-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Gateways before.
    pub from: usize,
    /// Gateways after.
    pub to: usize,
    /// Clients, each with one connection.
    pub connections: usize,
    /// In front of the gateways.
    pub balancer: Balancer,
    /// What lets go of connections.
    pub variant: Variant,
}

impl Case {
    /// All of them: every scale-out behind both balancers, and the peers behind the blind one.
    pub fn all() -> Vec<Self> {
        Self::of(&[(2, 4), (2, 5), (3, 4), (7, 8)], &[200, 2000])
    }

    /// As many as one has the patience for.
    pub fn few() -> Vec<Self> {
        Self::of(&[(2, 4), (7, 8)], &[200])
    }

    fn of(steps: &[(usize, usize)], sizes: &[usize]) -> Vec<Self> {
        let all = sizes.iter().flat_map(|size| steps.iter().map(move |step| (*step, *size)));
        all.flat_map(|(step, connections)| Self::of_step(step, connections)).collect()
    }

    fn of_step((from, to): (usize, usize), connections: usize) -> [Self; 4] {
        let case = |balancer, variant| Self { from, to, connections, balancer, variant };
        let keepalive_requests = TIMER.requests(request_interval(connections));
        [
            case(Balancer::Random, Variant::Timers),
            case(Balancer::Random, Variant::KeepaliveRequests(keepalive_requests)),
            case(Balancer::Random, Variant::Evenkeel),
            case(Balancer::Steer, Variant::Evenkeel),
        ]
    }

    /// How gateways and control plane are set up.
    pub fn setup(&self) -> Setup {
        Setup { timer: TIMER, settle: SETTLE, balancer: self.balancer }
    }

    /// Time between two requests of a client.
    pub fn request_interval(&self) -> Duration {
        request_interval(self.connections)
    }

    /// How long to watch when all is even. There should be no closes, but those of the peers go on.
    pub fn quiet(&self) -> Duration {
        if self.variant == Variant::Evenkeel { QUIET } else { TIMER.oldest() }
    }

    /// Whether it needs the bed `nginx`.
    pub fn is_nginx(&self) -> bool {
        matches!(self.variant, Variant::KeepaliveRequests(_))
    }

    /// How long nothing can happen yet by the policy.
    pub fn settle(&self) -> Duration {
        if self.variant == Variant::Evenkeel { SETTLE } else { Duration::ZERO }
    }
}

/// A connection goes with a request, so this is also the longest that a drain takes; more connections ask more rarely, for
/// all of this has to fit on two cores.
fn request_interval(connections: usize) -> Duration {
    if connections > 500 { Duration::from_secs(1) } else { Duration::from_millis(250) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_let_connections_live_for_as_many_requests_as_seconds() {
        let limits = |connections| Case::of_step((2, 4), connections).map(|case| case.variant);
        assert!(limits(200).contains(&Variant::KeepaliveRequests(60)));
        assert!(limits(2000).contains(&Variant::KeepaliveRequests(15)));
    }
}
