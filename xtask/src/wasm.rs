//! `cargo xtask wasm`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use evenkeel_bed::{artifact, digest, program};

use crate::toolchain::{TARGET, Toolchain};

const FILTER: &str = "evenkeel-filter";
const BENCH_FILTERS: &str = "evenkeel-bench-filters";
const PROFILE: &str = "wasm";

/// Builds the filter, its variant that has caps alone, and with `trap` also the one that traps.
pub fn build(trap: bool) -> Result<()> {
    let toolchain = Toolchain::find()?;
    describe(&build_module(toolchain, FILTER, &[], "evenkeel.wasm")?)?;
    describe(&build_module(toolchain, FILTER, &["--features", "write-injection"], "evenkeel-caps.wasm")?)?;
    if trap {
        describe(&build_module(toolchain, FILTER, &["--features", "trap"], "evenkeel-trap.wasm")?)?;
    }
    Ok(())
}

/// Builds the filters that the benchmark compares the filter with.
pub fn build_bench_filters() -> Result<()> {
    describe(&build_module(Toolchain::find()?, BENCH_FILTERS, &[], "evenkeel-bench-filters.wasm")?)
}

fn build_module(toolchain: Toolchain, package: &str, features: &[&str], name: &str) -> Result<PathBuf> {
    let mut command = toolchain.build();
    command.args(["--quiet", "--locked", "--package", package, "--profile", PROFILE]).args(features);
    command.arg("--target-dir").arg(artifact::target_folder());
    program::run(&mut command)?;
    let file = format!("{}.wasm", package.replace('-', "_"));
    let built = artifact::target_folder().join(TARGET).join(PROFILE).join(file);
    let module = artifact::target_folder().join(name);
    publish(&built, &module).with_context(|| format!("cannot copy {} to {}", built.display(), module.display()))?;
    Ok(module)
}

/// Replaces by rename: an Envoy that is loading the module never sees half of it.
fn publish(built: &Path, module: &Path) -> Result<()> {
    let unfinished = module.with_extension("unfinished");
    fs::copy(built, &unfinished)?;
    Ok(fs::rename(&unfinished, module)?)
}

/// Prints path, size and SHA-256.
fn describe(module: &Path) -> Result<()> {
    let content = fs::read(module)?;
    println!("{}  {} bytes  sha256:{}", module.display(), content.len(), digest::sha256(&content));
    Ok(())
}
