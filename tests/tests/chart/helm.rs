//! Helm, as an operator calls it.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use evenkeel_bed::helm;
use evenkeel_tests::artifact;
use serde_json::Value;

/// Where the tests install.
pub const NAMESPACE: &str = "evenkeel-system";

/// The chart's folder.
pub fn chart() -> PathBuf {
    artifact::workspace_folder().join("istio/chart")
}

/// Runs Helm with these arguments to its end. It sees no configuration of this machine's user.
///
/// # Errors
/// When the bed `helm` is missing (the text names the command). How it ends is for the caller.
pub fn helm(arguments: &[&str]) -> Result<Output> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new(helm::find()?);
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, home.path());
    }
    command.env_remove("KUBECONFIG").current_dir(chart()).args(arguments).output().context("cannot start helm")
}

/// The text that Helm prints.
///
/// # Errors
/// With Helm's own words when it refuses.
pub fn text(arguments: &[&str]) -> Result<String> {
    let output = helm(arguments)?;
    ensure!(output.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The objects that Helm would install with these flags, as YAML documents.
pub fn template(flags: &[&str]) -> Result<String> {
    text(&[&["template", "evenkeel", ".", "--namespace", NAMESPACE], flags].concat())
}

/// The objects that Helm would install with these flags.
pub fn objects(flags: &[&str]) -> Result<Vec<Value>> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(&template(flags)?)?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// The object of a kind and a name.
///
/// # Errors
/// When it is not among them.
pub fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> Result<&'a Value> {
    let is_meant = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter().find(is_meant).with_context(|| format!("no {kind} {name}"))
}
