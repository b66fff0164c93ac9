//! `evenkeel-bench filter`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use evenkeel_tests::EnvoyVersion;

/// What to measure, and where the result goes.
#[derive(Debug, Args)]
pub struct Options {
    /// Writes the result as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often every variant is measured; more rounds make the spread smaller.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(5..))]
    rounds: u32,
    /// Which Envoy: 1.37.0 or 1.40.0.
    #[arg(long, default_value = EnvoyVersion::NEWEST.number(), value_parser = envoy_version)]
    envoy: EnvoyVersion,
}

fn envoy_version(number: &str) -> Result<EnvoyVersion, String> {
    let known = EnvoyVersion::ALL.map(EnvoyVersion::number);
    let found = EnvoyVersion::ALL.into_iter().find(|version| version.number() == number);
    found.ok_or_else(|| format!("Envoy {number} is no bed: use one of {}", known.join(", ")))
}

/// Measures and prints.
pub fn run(options: &Options) -> Result<ExitCode> {
    println!("{options:?}");
    Ok(ExitCode::SUCCESS)
}
