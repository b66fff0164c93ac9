//! The goals of the balance, under fixed seeds.

mod faults;
mod goals;
mod scenarios;

use super::{Outcome, Scenario, run};

const SEEDS: std::ops::Range<u64> = 1..7;

fn scenario(yaml: &str) -> Scenario {
    Scenario::parse(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn outcomes(yaml: &str) -> Vec<Outcome> {
    let scenario = scenario(yaml);
    SEEDS.map(|seed| run(&scenario, seed)).collect()
}

fn mean(outcomes: &[Outcome], number: impl Fn(&Outcome) -> f64) -> f64 {
    outcomes.iter().map(number).sum::<f64>() / outcomes.len() as f64
}
