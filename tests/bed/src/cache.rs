//! The cache folder of the beds.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result};

/// The folder of all beds: `$XDG_CACHE_HOME/evenkeel`, else `~/.cache/evenkeel`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn folder() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = base.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    Ok(base.context("neither XDG_CACHE_HOME nor HOME is set: there is no cache folder for the beds")?.join("evenkeel"))
}

/// Fills `destination` by `fill`, which works in a temporary folder beside it; the rename makes it complete or absent.
///
/// Does nothing when the destination is there already; a second process that comes first wins.
pub fn fill_once(destination: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if destination.exists() {
        return Ok(());
    }
    let unfinished = destination.with_added_extension(format!("unfinished-{}", process::id()));
    fs::create_dir_all(&unfinished).with_context(|| format!("cannot create {}", unfinished.display()))?;
    let filled = fill(&unfinished).and_then(|()| publish(&unfinished, destination));
    if filled.is_err() {
        // The first error is the one to tell; leftovers are replaced next time.
        let _ = fs::remove_dir_all(&unfinished);
    }
    filled
}

fn publish(unfinished: &Path, destination: &Path) -> Result<()> {
    match fs::rename(unfinished, destination) {
        Err(_) if destination.exists() => fs::remove_dir_all(unfinished).context("cannot remove a superfluous bed"),
        renamed => renamed.with_context(|| format!("cannot create {}", destination.display())),
    }
}
