//! The demo and the benchmarks. `cargo xtask demo` and `cargo xtask bench` prepare everything and start this.
#![forbid(unsafe_code)]

mod balance;
mod control;
mod demo;
mod endpoints;
mod filter;
mod gateways;
mod json_file;
mod progress;
mod signals;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The control plane's: what is compared with it must not lose by another one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Shows and measures Evenkeel side by side with its peers.
#[derive(Debug, Parser)]
#[command(name = "evenkeel-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows a scale-out with nothing, with timer caps and with Evenkeel, side by side.
    Demo(demo::Options),
    /// Measures how fast, and with how many closes, scale-outs become even, beside Envoy's own limits of a connection's age.
    Balance(balance::Options),
    /// Measures what the reports of 10,000 proxies cost the control plane.
    Control(control::Options),
    /// Measures what the filter costs: CPU per request and memory of one Envoy, against Envoys without it.
    Filter(filter::Options),
    /// Measures how fast and at which cost changes of endpoints reach many proxies, beside go-control-plane.
    Endpoints(endpoints::Options),
    /// What `endpoints` compares a cold start with.
    #[command(hide = true)]
    BareList(endpoints::bare_list::Options),
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Balance(options) => balance::run(&options),
        Command::Control(options) => control::run(&options),
        Command::Filter(options) => filter::run(&options),
        Command::Endpoints(options) => endpoints::run(&options),
        Command::BareList(options) => endpoints::bare_list::run(&options),
    }
}
