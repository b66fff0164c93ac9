//! `cargo xtask`: every task of this repository, each with all the set-up that it needs.
#![forbid(unsafe_code)]

mod bed;
mod cargo;
mod image;
mod run;
mod test;
mod toolchain;
mod wasm;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Builds, tests, shows and measures Evenkeel.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Shows a scale-out with nothing, with timer caps and with Evenkeel, side by side.
    Demo {
        /// What `evenkeel-bench demo` takes, such as `--json FILE`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs every check and every test.
    Test(test::Options),
    /// Builds the filter into `target/evenkeel.wasm`.
    Wasm {
        /// Builds `target/evenkeel-trap.wasm` too, the filter that traps: for tests only.
        #[arg(long)]
        trap: bool,
    },
    /// Builds the image of the control plane, and the static binary that is in it.
    Image {
        /// Such as `REGISTRY/evenkeel:0.1.0`.
        name: String,
    },
    /// Runs one benchmark.
    Bench {
        /// Which benchmark, and what `evenkeel-bench` takes for it, such as `filter --json FILE`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<String>,
    },
    /// Prepares the real programs that tests run against.
    Bed {
        /// Which programs; all when none is named.
        names: Vec<bed::Name>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Demo { arguments } => run::demo(&arguments),
        Task::Test(options) => test::run(&options),
        Task::Wasm { trap } => wasm::build(trap),
        Task::Image { name } => image::build(&name),
        Task::Bench { arguments } => run::bench(&arguments),
        Task::Bed { names } => bed::prepare(&names),
    }
}
