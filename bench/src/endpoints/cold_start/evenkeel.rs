//! One start of the real program.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use evenkeel_tests::process::{Process, usage};
use evenkeel_tests::{artifact, wait};
use serde::Deserialize;
use tokio::time::timeout;

use super::answer;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What was measured of it.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// From the start of the process to the last endpoint of the first complete answer.
    pub complete: Duration,
    /// CPU time of the process until then.
    pub cpu: Duration,
    /// Resident memory then, in bytes.
    pub resident: u64,
    /// The largest resident memory until then, in bytes.
    pub peak: u64,
    /// Size of the answer.
    pub bytes: u64,
}

/// What the program says of itself first.
#[derive(Deserialize)]
struct Addresses {
    xds: SocketAddr,
}

impl Started {
    /// Starts it, asks for every service until there is an answer, and ends it.
    pub async fn measure(kubeconfig: &Path, services: u32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(artifact::released_control_plane()?);
        command.args(["serve", "--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0"]);
        command.arg("--kubeconfig").arg(kubeconfig);
        let begun = Instant::now();
        let mut process = Process::spawn("evenkeel", command, &folder.path().join("log"))?;
        let address = address(&mut process).await?;
        let answer = timeout(PATIENCE, answer::complete(address, services));
        let bytes = answer.await.context("no complete answer in time").flatten();
        let bytes = bytes.with_context(|| process.log_tail())?;
        let complete = begun.elapsed();
        let id = process.id();
        Ok(Self {
            complete,
            cpu: usage::cpu_time(id)?,
            resident: usage::resident_memory(id)?,
            peak: usage::peak_resident_memory(id)?,
            bytes,
        })
    }
}

async fn address(process: &mut Process) -> Result<SocketAddr> {
    let said = async || match process.check_running() {
        // A process that has ended will never say its addresses: the answer is final.
        Err(ended) => Ok(Err(ended)),
        Ok(()) => xds_address(&process.log()).map(Ok),
    };
    wait::until("the addresses of evenkeel", PATIENCE, said, |_| true).await?
}

fn xds_address(log: &str) -> Result<SocketAddr> {
    let said = log.lines().find_map(|line| serde_json::from_str::<Addresses>(line).ok());
    Ok(said.context("no addresses in the output yet")?.xds)
}
