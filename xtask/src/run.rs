//! `cargo xtask demo` and `cargo xtask bench`: set-up, then the binary of `bench/` takes over.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use evenkeel_bed::artifact;

use crate::bed::{self, Name};
use crate::{cargo, wasm};

/// Runs `evenkeel-bench demo` with these arguments.
pub fn demo(arguments: &[String]) -> Result<()> {
    prepare()?;
    hand_over([&["demo".to_owned()], arguments].concat().as_slice())
}

/// Runs `evenkeel-bench` with these arguments.
pub fn bench(arguments: &[String]) -> Result<()> {
    prepare()?;
    wasm::build_bench_filters()?;
    hand_over(arguments)
}

/// Their load comes from Rust: no clients from outside are needed, so neither is Go.
fn prepare() -> Result<()> {
    bed::prepare(&[Name::Envoy])?;
    wasm::build(false)?;
    cargo::build(&["evenkeel", "evenkeel-bench"])
}

/// Replaces this process, so that signals and the exit code are the binary's own.
fn hand_over(arguments: &[String]) -> Result<()> {
    let binary = artifact::target_folder().join("debug").join("evenkeel-bench");
    let error = Command::new(&binary).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", binary.display()))
}
