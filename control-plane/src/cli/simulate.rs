//! `evenkeel simulate`: what the balance would do, in simulated time.

use crate::simulate::{Scenario, run as simulate};
use anyhow::Context;
use clap::Args;
use std::path::PathBuf;

/// Simulate a rebalance: the controller and the filter's policy with modelled clients and balancers
///
/// Prints how even the pods are over time, and how many connections were closed beside the fewest possible.
#[derive(Args, Debug)]
pub struct SimulateArguments {
    /// YAML file that says what there is and what happens
    scenario: PathBuf,
    /// The same seed gives the same result
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Simulates and prints.
pub fn run(arguments: &SimulateArguments) -> anyhow::Result<()> {
    let file = arguments.scenario.display();
    let text = std::fs::read_to_string(&arguments.scenario).with_context(|| format!("{file} cannot be read"))?;
    let scenario = Scenario::parse(&text).with_context(|| format!("{file} is not a scenario"))?;
    let outcome = simulate(&scenario, arguments.seed);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        print!("{outcome}");
    }
    Ok(())
}
