//! What forwards ports of pods, of the bed `kube`: built by Go from `tests/kubelet`.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::artifact;
use crate::cache;
use crate::kubernetes::COMMAND;
use crate::program::Go;

/// The path of the prepared binary.
///
/// # Errors
/// Names the command that builds it when it is missing or older than its sources.
pub fn find() -> Result<PathBuf> {
    let binary = folder()?.join("kubelet");
    ensure!(binary.is_file(), "what forwards ports is not at {}: run `{COMMAND}`", binary.display());
    Ok(binary)
}

/// Builds it if it is missing, and returns its path.
///
/// # Errors
/// When Go is missing or a module cannot be had.
pub fn prepare() -> Result<PathBuf> {
    cache::fill_once(&folder()?, |folder| Go::find()?.build(&sources(), ".", "", &folder.join("kubelet")))?;
    find()
}

fn sources() -> PathBuf {
    artifact::workspace_folder().join("tests/kubelet")
}

fn folder() -> Result<PathBuf> {
    cache::keyed_folder("kubelet", &sources(), &["go.mod", "go.sum"], ".go")
}
