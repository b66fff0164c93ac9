//! The cache folder of the beds.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result};

use crate::digest;

/// The folder of all beds: `$XDG_CACHE_HOME/evenkeel`, else `~/.cache/evenkeel`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn folder() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = base.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    Ok(base.context("neither XDG_CACHE_HOME nor HOME is set: there is no cache folder for the beds")?.join("evenkeel"))
}

/// The folder for what is made of sources of ours, named by their hash, so that changed sources are built again: the files
/// of `always`, and those whose names end in `suffix`.
///
/// # Errors
/// When they cannot be read.
pub fn keyed_folder(name: &str, sources: &Path, always: &[&str], suffix: &str) -> Result<PathBuf> {
    let mut hashes = String::new();
    for file in files(sources, always, suffix)? {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hashes += &digest::sha256(&content);
    }
    let key = digest::sha256(hashes.as_bytes());
    Ok(folder()?.join(format!("{name}-{}", &key[..16])))
}

fn files(folder: &Path, always: &[&str], suffix: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix) || always.contains(&name.as_str())).collect();
    names.sort();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
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
