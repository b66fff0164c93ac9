//! How many closes it takes at least until all is even: by the formulas and the simulation of the control plane.

use evenkeel::rebalance::law::Goal;
use evenkeel::rebalance::policy::Policy;
use evenkeel::simulate::optimum;
use evenkeel_tests::gateways::Balancer;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The same connections have the same optimum in every run.
const SEED: u64 = 1;

/// The closes after which a closer that knows everything has made these connections even, a mean over several runs.
pub fn closes(connections: &[u64], balancer: Balancer) -> f64 {
    let landing = match balancer {
        // Neither knows where connections are missing.
        Balancer::Random | Balancer::SourceHash => optimum::Landing::Blind,
        Balancer::Steer => optimum::Landing::Least,
    };
    optimum::closes(connections, &Goal::of(&Policy::default()), landing, &mut StdRng::seed_from_u64(SEED))
}
