//! The goals of the balance, under fixed seeds.

mod faults;
mod goals;
mod scenarios;

use super::{Outcome, Scenario, run};
use std::ops::Range;

/// Enough for what holds in every run.
const FEW: Range<u64> = 1..7;
/// Enough for means: where a dozen connections are to land, chance changes the closes of one run by a quarter.
const MANY: Range<u64> = 1..49;

fn scenario(yaml: &str) -> Scenario {
    Scenario::parse(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn outcomes(yaml: &str, seeds: Range<u64>) -> Vec<Outcome> {
    let scenario = scenario(yaml);
    seeds.map(|seed| run(&scenario, seed)).collect()
}

fn mean(outcomes: &[Outcome], number: impl Fn(&Outcome) -> f64) -> f64 {
    outcomes.iter().map(number).sum::<f64>() / outcomes.len() as f64
}
