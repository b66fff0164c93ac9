//! The bed `helm`: what renders and checks the chart, built by Go from its module.

use std::path::PathBuf;

use anyhow::Result;

use crate::go_tool::GoTool;

const TOOL: GoTool = GoTool {
    name: "helm",
    package: "helm.sh/helm/v4/cmd/helm",
    command: "cargo xtask bed helm",
    duration: "about a minute",
};

/// The path of the prepared binary.
///
/// # Errors
/// Names the command that prepares it when it is missing.
pub fn find() -> Result<PathBuf> {
    TOOL.find()
}

/// Builds it if it is missing, and returns its path.
///
/// # Errors
/// When Go is missing or the module cannot be had.
pub fn prepare() -> Result<PathBuf> {
    TOOL.prepare("")
}
