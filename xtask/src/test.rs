//! `cargo xtask test`: everything that must hold, from an empty clone.

use anyhow::Result;
use clap::Args;
use evenkeel_bed::program;

use crate::{bed, cargo, wasm};

/// What to test.
#[derive(Debug, Args)]
pub struct Options {
    /// Runs only the suites and tests whose names contain this; no lints, no other crates.
    filter: Option<String>,
    /// Runs the long forms: million requests, hours compressed into minutes.
    #[arg(long)]
    soak: bool,
}

/// Prepares, checks, then tests: pure crates first, so that a broken rule shows before a broken Envoy.
pub fn run(options: &Options) -> Result<()> {
    bed::prepare(&[])?;
    wasm::build(true)?;
    cargo::build(&["evenkeel"])?;
    let Some(filter) = &options.filter else {
        lint()?;
        cargo::run(&["test", "--locked", "--workspace", "--exclude", "evenkeel-tests"])?;
        return suites(&[], options.soak);
    };
    suites(&[filter], options.soak)
}

/// Formatting and lints, where the components are installed.
fn lint() -> Result<()> {
    if program::works(&mut cargo::command(&["fmt", "--version"])) {
        cargo::run(&["fmt", "--all", "--check"])?;
    }
    if program::works(&mut cargo::command(&["clippy", "--version"])) {
        cargo::run(&["clippy", "--quiet", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"])?;
    }
    Ok(())
}

/// The suites one after another: two at a time would measure each other.
fn suites(filter: &[&str], soak: bool) -> Result<()> {
    let mut arguments = vec!["test", "--locked", "--package", "evenkeel-tests", "--", "--test-threads", "1"];
    arguments.extend(filter);
    eprintln!("cargo {}", arguments.join(" "));
    let mut command = cargo::command(&arguments);
    if soak {
        command.env("EVENKEEL_SOAK", "1");
    }
    program::run(&mut command)
}
