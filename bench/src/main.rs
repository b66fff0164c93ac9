//! The demo and the benchmarks. `cargo xtask demo` and `cargo xtask bench` prepare everything and start this.
#![forbid(unsafe_code)]

mod filter;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Shows and measures Evenkeel side by side with its peers.
#[derive(Debug, Parser)]
#[command(name = "evenkeel-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures what the filter costs: CPU per request and memory of one Envoy, against Envoys without it.
    Filter(filter::Options),
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Filter(options) => filter::run(&options),
    }
}
