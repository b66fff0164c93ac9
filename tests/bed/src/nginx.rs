//! The bed `nginx`: Debian's nginx, unpacked only. An installed one would start to serve at once.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::program;

const PACKAGE: &str = "nginx";

/// The path of the prepared binary.
///
/// # Errors
/// Names the command that prepares it when it is missing.
pub fn find() -> Result<PathBuf> {
    let binary = folder()?.join("usr/sbin/nginx");
    ensure!(binary.is_file(), "nginx is not at {}: run `cargo xtask bed nginx`", binary.display());
    Ok(binary)
}

/// Unpacks Debian's package unless it is there, and returns what `nginx -v` says.
///
/// # Errors
/// When there is no apt, the package cannot be had, or the binary lacks a library of this machine.
pub fn prepare() -> Result<String> {
    cache::fill_once(&folder()?, |folder| program::unpack_package(PACKAGE, folder))?;
    let binary = find()?;
    let said =
        Command::new(&binary).arg("-v").output().with_context(|| format!("cannot start {}", binary.display()))?;
    let said = String::from_utf8_lossy(&said.stderr).trim().to_owned();
    ensure!(said.starts_with("nginx version:"), "{} does not run: {said}", binary.display());
    Ok(said)
}

fn folder() -> Result<PathBuf> {
    Ok(cache::folder()?.join("nginx-debian"))
}
