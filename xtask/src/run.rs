//! `cargo xtask demo` and `cargo xtask bench`: set-up, then the binary of `bench/` takes over.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use evenkeel_bed::artifact;
use evenkeel_bed::program::Go;

use crate::bed::{self, Name};
use crate::{cargo, wasm};

/// Runs `evenkeel-bench demo` with these arguments.
pub fn demo(arguments: &[String]) -> Result<()> {
    prepare()?;
    hand_over("debug", [&["demo".to_owned()], arguments].concat().as_slice())
}

/// Runs `evenkeel-bench` with these arguments.
pub fn bench(arguments: &[String]) -> Result<()> {
    match arguments.first().map(String::as_str) {
        Some("endpoints") => bench_endpoints(arguments),
        Some("control") => bench_control(arguments),
        Some("balance") => bench_balance(arguments),
        _ => bench_with_envoys(arguments),
    }
}

fn bench_with_envoys(arguments: &[String]) -> Result<()> {
    prepare()?;
    wasm::build_bench_filters()?;
    hand_over("debug", arguments)
}

/// Without nginx the others are still worth measuring; the report says so.
fn bench_balance(arguments: &[String]) -> Result<()> {
    bed::try_nginx();
    bench_with_envoys(arguments)
}

fn bench_control(arguments: &[String]) -> Result<()> {
    cargo::build_release(&["evenkeel", "evenkeel-bench"])?;
    hand_over("release", arguments)
}

/// What is measured there is our own code, so it and its load are built as they are released.
fn bench_endpoints(arguments: &[String]) -> Result<()> {
    bed::prepare(&[Name::Kube])?;
    let server = artifact::target_folder().join("go-control-plane-server");
    let sources = artifact::workspace_folder().join("bench/servers/go-control-plane");
    Go::find()?.build(&sources, ".", "", &server)?;
    cargo::build_release(&["evenkeel", "evenkeel-bench", "evenkeel-bench-server"])?;
    hand_over("release", arguments)
}

/// Their load comes from Rust: no clients from outside are needed, so neither is Go.
fn prepare() -> Result<()> {
    bed::prepare(&[Name::Envoy])?;
    wasm::build(false)?;
    cargo::build(&["evenkeel", "evenkeel-bench"])
}

/// Replaces this process, so that signals and the exit code are the binary's own.
fn hand_over(profile: &str, arguments: &[String]) -> Result<()> {
    let binary = artifact::target_folder().join(profile).join("evenkeel-bench");
    let error = Command::new(&binary).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", binary.display()))
}
