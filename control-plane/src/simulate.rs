//! The balance in simulated time: the controller and the filter's policy as they run in production, with modelled
//! clients, balancers and networks around them.
//!
//! A [`Scenario`] says what there is and what happens. [`run`] plays it and measures, among other things, how many
//! connections were closed beside the least that anyone could have closed who knows everything.

mod balancer;
mod clients;
mod control;
mod engine;
mod envoy;
pub mod optimum;
mod outcome;
mod scenario;
mod world;

pub use outcome::{Outcome, Sample};
pub use scenario::{Scenario, ScenarioError};

/// Plays a scenario. The same seed gives the same outcome.
pub fn run(scenario: &Scenario, seed: u64) -> Outcome {
    world::World::new(scenario, seed).play()
}

#[cfg(test)]
mod tests;
