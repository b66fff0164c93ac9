//! The program in the place of a container: what a kubelet reads from a pod's specification, it gets.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use evenkeel_bed::artifact;
use serde_json::Value;

/// The control plane with the arguments and the environment of its container, in the pod of this name and namespace.
/// `mounts` are places in the container, and what is there.
///
/// # Errors
/// When the container asks for something that is not given here, or the binary or the filter is missing.
pub fn control_plane(
    container: &Value,
    (name, namespace): (&str, &str),
    kubeconfig: &Path,
    mounts: &[(&str, &str)],
) -> Result<Command> {
    let mut command = Command::new(artifact::control_plane()?);
    for argument in container["args"].as_array().context("no arguments")? {
        let argument = argument.as_str().context("an argument that is no text")?.to_owned();
        command.arg(mounts.iter().fold(argument, |argument, (path, place)| argument.replace(path, place)));
    }
    // The program of the image was built with it.
    command.arg("--filter-module").arg(artifact::wasm()?);
    for variable in container["env"].as_array().context("no environment")? {
        let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.name") => name,
            Some("metadata.namespace") => namespace,
            other => bail!("an unknown field {other:?}"),
        };
        command.env(variable["name"].as_str().context("no name")?, value);
    }
    // In the place of the account's token in the pod.
    command.env("KUBECONFIG", kubeconfig);
    Ok(command)
}
