//! Our own control plane, as the binary that users run.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_bed::artifact;
use serde::Deserialize;
use tempfile::TempDir;

use crate::envoy::LOOPBACK;
use crate::http_get;
use crate::process::Process;
use crate::wait;

/// How long a start and a stop may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `evenkeel serve --file`; it ends when dropped.
#[derive(Debug)]
pub struct ControlPlane {
    process: Process,
    addresses: Addresses,
    folder: TempDir,
}

/// What the first line of the output says.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Addresses {
    xds: SocketAddr,
    admin: SocketAddr,
}

impl ControlPlane {
    /// Starts it with this cluster file on free ports, and waits until it is ready.
    ///
    /// # Errors
    /// When the binary is missing (the text names the command) or refuses the file.
    pub async fn start(cluster_file: &str) -> Result<Self> {
        Self::start_on(LOOPBACK, cluster_file).await
    }

    /// As [`Self::start`], serving xDS on this address.
    pub async fn start_on(xds: SocketAddr, cluster_file: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("cluster.yaml"), cluster_file)?;
        let process = spawn(&folder, xds, LOOPBACK)?;
        let addresses = Addresses { xds: LOOPBACK, admin: LOOPBACK };
        let mut control_plane = Self { process, addresses, folder };
        control_plane.wait_until_ready().await?;
        Ok(control_plane)
    }

    /// Where it serves xDS.
    pub fn xds(&self) -> SocketAddr {
        self.addresses.xds
    }

    /// Where it serves health, readiness and metrics.
    pub fn admin(&self) -> SocketAddr {
        self.addresses.admin
    }

    /// The cluster file.
    pub fn cluster_file(&self) -> PathBuf {
        self.folder.path().join("cluster.yaml")
    }

    /// Replaces the cluster file by rename, as `kubectl` and editors do.
    pub fn edit(&self, cluster_file: &str) -> Result<()> {
        let unfinished = self.folder.path().join("cluster.unfinished");
        fs::write(&unfinished, cluster_file)?;
        Ok(fs::rename(unfinished, self.cluster_file())?)
    }

    /// The child process: log, pause, resume.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The value of a metric by its name with labels, as the Prometheus text says it; `None` when it is not there.
    pub async fn metric(&self, name: &str) -> Result<Option<f64>> {
        let (status, text) = http_get::get(self.admin(), "/metrics").await?;
        ensure!(status.is_success(), "/metrics answers {status}: {text}");
        let mut values =
            text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok());
        Ok(values.next())
    }

    /// Waits until a metric has this value.
    ///
    /// # Errors
    /// After `patience`; the text has the last value.
    pub async fn metric_becomes(&self, name: &str, value: f64, patience: Duration) -> Result<()> {
        let accepts = |seen: &Option<f64>| *seen == Some(value);
        wait::until(name, patience, async || self.metric(name).await, accepts).await.map(drop)
    }

    /// Waits until the log contains `text`; a restart begins a new log.
    ///
    /// # Errors
    /// After `patience`.
    pub async fn log_until(&self, text: &str, patience: Duration) -> Result<()> {
        let what = format!("{text:?} in the log of evenkeel");
        let log = async || Ok(self.process.log_tail());
        wait::until(&what, patience, log, |_| self.process.log().contains(text)).await.map(drop)
    }

    /// Whether it says that it is ready; the body has the reason when not.
    pub async fn readiness(&self) -> Result<(bool, String)> {
        let (status, body) = http_get::get(self.admin(), "/readyz").await?;
        Ok((status.is_success(), body))
    }

    /// Kills it at once: its streams end without a word.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.process.kill()
    }

    /// Asks it to end, as Kubernetes does.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.process.terminate(PATIENCE)
    }

    /// Starts it again on the same ports after [`Self::kill`] or [`Self::terminate`].
    pub async fn restart(&mut self) -> Result<()> {
        self.process = spawn(&self.folder, self.addresses.xds, self.addresses.admin)?;
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let addresses = async || {
            // A process that has ended will never say its addresses: the answer is final, and shows its log.
            self.process
                .check_running()
                .map_or_else(|ended| Ok(Err(ended)), |()| addresses(&self.process.log()).map(Ok))
        };
        self.addresses = wait::until("the addresses of evenkeel", PATIENCE, addresses, |_| true).await??;
        wait::until("evenkeel to be ready", PATIENCE, async || self.readiness().await, |(ready, _)| *ready).await?;
        Ok(())
    }
}

/// Each process has a log of its own: an old one's addresses are not the new one's.
fn spawn(folder: &TempDir, xds: SocketAddr, admin: SocketAddr) -> Result<Process> {
    let mut command = Command::new(artifact::control_plane()?);
    command.arg("serve").arg("--file").arg(folder.path().join("cluster.yaml"));
    command.args(["--xds-address", &xds.to_string(), "--admin-address", &admin.to_string()]);
    let logs = fs::read_dir(folder)?.count();
    Process::spawn("evenkeel", command, &folder.path().join(format!("log-{logs}")))
}

fn addresses(log: &str) -> Result<Addresses> {
    log.lines().find_map(|line| serde_json::from_str(line).ok()).context("no addresses in the output yet")
}
