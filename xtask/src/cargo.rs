//! Calls of cargo on this workspace.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use evenkeel_bed::{artifact, image, program};

/// A call of the cargo that runs us, in the workspace's root.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(arguments).current_dir(artifact::workspace_folder());
    command
}

/// Says what is run, and runs it.
pub fn run(arguments: &[&str]) -> Result<()> {
    eprintln!("cargo {}", arguments.join(" "));
    program::run(&mut command(arguments))
}

/// Builds the binaries that others run.
pub fn build(packages: &[&str]) -> Result<()> {
    build_with(&[], packages)
}

/// Builds binaries as they are released.
pub fn build_release(packages: &[&str]) -> Result<()> {
    build_with(&["--release"], packages)
}

/// Builds a binary that needs no other file, for its image.
pub fn build_static(package: &str) -> Result<()> {
    build_with(&["--target", &image::target()], &[package])
}

/// Builds a binary that needs no other file, as it is released, with this filter inside.
pub fn build_for_image(package: &str, filter: &Path) -> Result<()> {
    let target = image::target();
    let arguments = ["build", "--release", "--locked", "--package", package];
    let mut command = command(&arguments);
    command.args(["--features", "embedded-filter", "--target", &target]).env("EVENKEEL_WASM", filter);
    program::run(&mut command)
}

fn build_with(options: &[&str], packages: &[&str]) -> Result<()> {
    let mut arguments = [&["build", "--quiet", "--locked"], options].concat();
    arguments.extend(packages.iter().flat_map(|package| ["--package", package]));
    run(&arguments)
}
