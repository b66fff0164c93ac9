//! What counts as even, and how many closes that takes at least: by the formulas and the simulation of the control plane.

use evenkeel::rebalance::law::{self, Goal};
use evenkeel::rebalance::policy::Policy;
use evenkeel::simulate::optimum;
use evenkeel_tests::gateways::Balancer;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The same connections have the same optimum in every run.
const SEED: u64 = 1;

/// Whether these connections are even, as the usual policy has it.
pub fn is_even(connections: &[u64]) -> bool {
    let live: Vec<f64> = connections.iter().map(|live| *live as f64).collect();
    let shares = law::shares(live.iter().sum(), &vec![1.0; live.len()]);
    Goal::of(&Policy::default()).balanced(&live, &shares)
}

/// The closes after which a closer that knows everything has made these connections even, a mean over several runs.
pub fn closes(connections: &[u64], balancer: Balancer) -> f64 {
    let landing = match balancer {
        Balancer::Random => optimum::Landing::Blind,
        Balancer::Steer => optimum::Landing::Least,
    };
    optimum::closes(connections, &Goal::of(&Policy::default()), landing, &mut StdRng::seed_from_u64(SEED))
}
