//! The control plane as it is released.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::process::{Process, usage};
use evenkeel_tests::{artifact, http_get, wait};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::case::Case;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running one; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    process: Process,
    addresses: Addresses,
    _folder: TempDir,
}

/// What the program says of itself first.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Addresses {
    xds: SocketAddr,
    admin: SocketAddr,
}

impl Server {
    /// Starts one that knows the proxies of a case, and waits until it has said where it listens.
    pub async fn start(case: &Case) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str, text: String| {
            let path = folder.path().join(name);
            fs::write(&path, text).map(|()| path)
        };
        let mut command = Command::new(artifact::released_control_plane()?);
        command.args(["serve", "--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0"]);
        command.arg("--file").arg(file("services.yaml", case.services())?);
        command.arg("--policies").arg(file("policies.yaml", case.policies())?);
        let mut process = Process::spawn("evenkeel", command, &folder.path().join("log"))?;
        let addresses = async || match process.check_running() {
            Err(ended) => Ok(Err(ended)),
            Ok(()) => addresses(&process.log()).map(Ok),
        };
        let addresses = wait::until("the addresses of evenkeel", PATIENCE, addresses, |_| true).await??;
        Ok(Self { process, addresses, _folder: folder })
    }

    /// Where proxies report.
    pub fn xds(&self) -> SocketAddr {
        self.addresses.xds
    }

    /// Whether it hears of every proxy, and does what the case is about.
    ///
    /// # Errors
    /// When it does not: what would be measured is something else.
    pub async fn check(&mut self, case: &Case) -> Result<()> {
        self.process.check_running()?;
        let (status, body) = http_get::get(self.addresses.admin, "/v1/groups").await?;
        ensure!(status.is_success(), "/v1/groups answers {status}");
        let groups: Value = serde_json::from_str(&body)?;
        let groups = groups["groups"].as_array().context("no groups")?;
        ensure!(groups.len() == case.groups as usize, "{} groups", groups.len());
        for group in groups {
            ensure!(group["state"] == case.state(), "{} is {}: {}", group["group"], group["state"], group["reason"]);
        }
        Ok(())
    }

    /// CPU time so far.
    pub fn cpu_time(&self) -> Result<Duration> {
        usage::cpu_time(self.process.id())
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> Result<u64> {
        usage::resident_memory(self.process.id())
    }
}

fn addresses(log: &str) -> Result<Addresses> {
    log.lines().find_map(|line| serde_json::from_str(line).ok()).context("no addresses in the output yet")
}
