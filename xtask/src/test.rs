//! `cargo xtask test`: everything that must hold, from an empty clone.

use std::fs;
use std::process::{self, ExitStatus};

use anyhow::{Context, Result};
use clap::Args;
use evenkeel_bed::{artifact, program};

use crate::{bed, cargo, wasm};

/// The crates whose tests run real programs. The others need nothing but themselves.
const WITH_PROGRAMS: [&str; 2] = ["evenkeel-tests", "evenkeel-bench"];

/// Suites that wait for a cluster more than they work, each test in a network of its own: two tests run at a time.
const IN_CLUSTERS: [&str; 7] =
    ["chart", "istio", "istio_agent", "istio_nodeport", "kubernetes", "operator", "kubernetes_bed"];

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
        let threads = if IN_CLUSTERS.contains(&suite.as_str()) { "2" } else { "1" };
        let status =
            test(&["--package", "evenkeel-tests", "--test", suite, "--", "--test-threads", threads], options.soak);
        succeed(status?);
        return Ok(());
    }
    lint()?;
    let others = WITH_PROGRAMS.map(|package| ["--exclude", package]).concat();
    succeed(test(&[&["--workspace"], others.as_slice()].concat(), options.soak)?);
    [with_clusters(options.soak)?, under_load(options.soak)?].into_iter().for_each(succeed);
    Ok(())
}

fn with_clusters(soak: bool) -> Result<ExitStatus> {
    let suites = IN_CLUSTERS.map(|suite| ["--test", suite]).concat();
    let (package, threads) = (["--package", "evenkeel-tests"], ["--no-fail-fast", "--", "--test-threads", "2"]);
    test(&[&package, suites.as_slice(), &threads].concat(), soak)
}

/// One after another: two real programs under load at a time would measure each other.
fn under_load(soak: bool) -> Result<ExitStatus> {
    let suites = suites()?;
    let suites: Vec<_> = suites.iter().flat_map(|suite| ["--test", suite.as_str()]).collect();
    let packages = WITH_PROGRAMS.map(|package| ["--package", package]).concat();
    let rest = ["--lib", "--bins", "--no-fail-fast", "--", "--test-threads", "1"];
    test(&[packages.as_slice(), suites.as_slice(), &rest].concat(), soak)
}

/// All other suites, of both packages.
fn suites() -> Result<Vec<String>> {
    let mut suites = Vec::new();
    for folder in ["tests/tests", "bench/tests"] {
        for entry in fs::read_dir(artifact::workspace_folder().join(folder)).with_context(|| folder.to_owned())? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            suites.extend(name.strip_suffix(".rs").filter(|name| !IN_CLUSTERS.contains(name)).map(str::to_owned));
        }
    }
    suites.sort();
    Ok(suites)
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

/// When it failed we end with its code, so that cargo's own summary stays the last thing said.
fn succeed(status: ExitStatus) {
    if !status.success() {
        process::exit(status.code().unwrap_or(1));
    }
}

/// One `cargo test`.
fn test(arguments: &[&str], soak: bool) -> Result<ExitStatus> {
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
    command.status().context("cannot start cargo")
}
