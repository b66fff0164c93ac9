//! `cargo xtask test`: everything that must hold, from an empty clone.

use std::process;

use anyhow::{Context, Result};
use clap::Args;
use evenkeel_bed::program;

use crate::{bed, cargo, wasm};

/// The crates whose tests run real programs. The others need nothing but themselves.
const WITH_PROGRAMS: [&str; 2] = ["evenkeel-tests", "evenkeel-bench"];

/// What to test.
#[derive(Debug, Args)]
pub struct Options {
    /// Runs only this suite of `tests/tests` (`cargo xtask test grace`), without lints and other crates.
    suite: Option<String>,
    /// Runs the long forms: a million requests, hours compressed into minutes, and the image of a static binary.
    #[arg(long)]
    soak: bool,
}

/// Prepares, checks, then tests: pure crates first, so that a broken rule shows before a broken Envoy.
pub fn run(options: &Options) -> Result<()> {
    bed::prepare_for_tests()?;
    wasm::build(true)?;
    cargo::build(&["evenkeel"])?;
    if options.soak {
        bed::prepare(&[bed::Name::Image])?;
        cargo::build_static("evenkeel")?;
    }
    if let Some(suite) = &options.suite {
        return test(&["--package", "evenkeel-tests", "--test", suite, "--", "--test-threads", "1"], options.soak);
    }
    lint()?;
    let others = WITH_PROGRAMS.map(|package| ["--exclude", package]).concat();
    test(&[&["--workspace"], others.as_slice()].concat(), options.soak)?;
    // One after another: two real programs under load at a time would measure each other.
    let packages = WITH_PROGRAMS.map(|package| ["--package", package]).concat();
    test(&[packages.as_slice(), &["--tests", "--no-fail-fast", "--", "--test-threads", "1"]].concat(), options.soak)
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

/// One `cargo test`. When it fails we end with its code, so that cargo's own summary stays the last thing said.
fn test(arguments: &[&str], soak: bool) -> Result<()> {
    let mut command = cargo::command(&["test", "--locked"]);
    command.args(arguments);
    // An error says by its contexts where it comes from. The frames of a runtime below it are longer than what CI shows.
    command.env("RUST_LIB_BACKTRACE", "0");
    if soak {
        command.env("EVENKEEL_SOAK", "1");
    }
    // Of the suites of real programs; what others ignore is for nobody.
    if soak && arguments.contains(&"--") {
        command.arg("--include-ignored");
    }
    eprintln!("cargo test --locked {}", arguments.join(" "));
    let status = command.status().context("cannot start cargo")?;
    if !status.success() {
        process::exit(status.code().unwrap_or(1));
    }
    Ok(())
}
