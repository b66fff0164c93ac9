//! The file of `--json`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// Tells at once, not after minutes, that the file cannot be written.
pub fn check(file: &Path) -> Result<()> {
    let opened = fs::File::options().create(true).append(true).open(file);
    opened.with_context(|| format!("cannot write --json {}", file.display())).map(drop)
}

/// Replaces what is in the file.
pub fn write(file: &Path, summary: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(summary)? + "\n";
    fs::write(file, text).with_context(|| format!("cannot write --json {}", file.display()))
}
