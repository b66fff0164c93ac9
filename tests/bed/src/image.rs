//! The bed `image`: what makes the image of the control plane. Debian's buildah, which needs no daemon and no network, and
//! musl for the static binary that goes into it.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::program;

/// The program that makes images.
pub const BUILDER: &str = "buildah";

/// The target for which a binary needs no other file.
pub fn target() -> String {
    format!("{}-unknown-linux-musl", env::consts::ARCH)
}

/// Installs what is missing, and returns what `buildah --version` says.
///
/// # Errors
/// When packages are missing and this user may not install them (the text has the command), or rustup cannot add the
/// target.
pub fn prepare() -> Result<String> {
    let missing = missing_packages();
    if !missing.is_empty() {
        program::install_packages(&missing)?;
    }
    if !has_target() {
        program::run(Command::new("rustup").args(["target", "add", &target()]))?;
    }
    Ok(program::output(Command::new(BUILDER).arg("--version"))?.trim().to_owned())
}

fn missing_packages() -> Vec<&'static str> {
    let tools = [(BUILDER, "buildah"), ("musl-gcc", "musl-tools")];
    let missing = tools.into_iter().filter(|(tool, _)| !program::works(Command::new(tool).arg("--version")));
    missing.map(|(_, package)| package).collect()
}

fn has_target() -> bool {
    let installed = program::output(Command::new("rustup").args(["target", "list", "--installed"]));
    installed.is_ok_and(|targets| targets.lines().any(|line| line == target()))
}
