//! istioctl, as an operator calls it.

use std::process::{Command, Output};

use anyhow::{Context, Result};
use evenkeel_bed::istio::Component;

/// Runs istioctl with these arguments to its end.
///
/// # Errors
/// When the bed `istio` is missing (the text names the command) or istioctl cannot start. How it ends is for the caller.
pub fn istioctl(arguments: &[&str]) -> Result<Output> {
    let output = Command::new(Component::Istioctl.find()?).args(arguments).output();
    output.with_context(|| format!("cannot start istioctl {arguments:?}"))
}
