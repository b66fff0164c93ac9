//! The program as users run it.

use std::process::Stdio;

use anyhow::{Context, Result};
use evenkeel_tests::artifact;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How it ended and what it has printed.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    /// The codes of the findings in JSON.
    pub fn codes(&self) -> Result<Vec<String>> {
        let found: Vec<Value> = serde_json::from_str(&self.stdout).with_context(|| format!("{self:?}"))?;
        Ok(found.iter().map(|finding| finding["code"].as_str().unwrap_or_default().to_owned()).collect())
    }
}

/// Runs `evenkeel check` with these arguments to its end.
pub async fn check(arguments: &[&str]) -> Result<Answer> {
    check_text(arguments, "").await
}

/// The same with a text on standard input.
pub async fn check_text(arguments: &[&str], input: &str) -> Result<Answer> {
    let mut command = Command::new(artifact::control_plane()?);
    // A cluster of whoever runs the tests is nobody's business.
    command.arg("check").args(arguments).env_remove("KUBECONFIG").env("HOME", "/nonexistent");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("cannot start evenkeel")?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().context("evenkeel was killed")?;
    Ok(Answer { code, stdout: text(&output.stdout), stderr: text(&output.stderr) })
}
