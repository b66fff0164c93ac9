//! Our own control plane, as the binary that users run.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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

/// How long a process may take to say where it listens, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the first complete load may take.
const START: Duration = Duration::from_mins(1);

/// A running `evenkeel serve`; it ends when dropped.
#[derive(Debug)]
pub struct ControlPlane {
    process: Process,
    addresses: Addresses,
    /// The flags that say where endpoints come from.
    source: Vec<OsString>,
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
        let file = folder.path().join("cluster.yaml");
        fs::write(&file, cluster_file)?;
        let mut control_plane = Self::launch(folder, xds, vec!["--file".into(), file.into()]).await?;
        control_plane.becomes_ready().await?;
        Ok(control_plane)
    }

    /// As [`Self::start`], with more flags.
    pub async fn start_with(cluster_file: &str, flags: &[OsString]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("cluster.yaml");
        fs::write(&file, cluster_file)?;
        let flags = ["--file".into(), file.into()].into_iter().chain(flags.iter().cloned()).collect();
        let mut control_plane = Self::launch(folder, LOOPBACK, flags).await?;
        control_plane.becomes_ready().await?;
        Ok(control_plane)
    }

    /// Starts it on free ports with the endpoints of the cluster of this kubeconfig file, and waits until it is ready.
    ///
    /// # Errors
    /// When the binary is missing (the text names the command) or is not ready within a minute.
    pub async fn start_in_cluster(kubeconfig: &Path) -> Result<Self> {
        let mut control_plane = Self::launch_in_cluster(kubeconfig, &[]).await?;
        control_plane.becomes_ready().await?;
        Ok(control_plane)
    }

    /// As [`Self::start_in_cluster`], with more flags, such as `--namespace`, and without waiting until it is ready.
    pub async fn launch_in_cluster(kubeconfig: &Path, flags: &[&str]) -> Result<Self> {
        Self::launch(tempfile::tempdir()?, LOOPBACK, kubernetes(kubeconfig, flags)).await
    }

    /// As [`Self::launch_in_cluster`], serving xDS on this address.
    pub async fn launch_in_cluster_on(xds: SocketAddr, kubeconfig: &Path, flags: &[&str]) -> Result<Self> {
        Self::launch(tempfile::tempdir()?, xds, kubernetes(kubeconfig, flags)).await
    }

    async fn launch(folder: TempDir, xds: SocketAddr, source: Vec<OsString>) -> Result<Self> {
        let process = spawn(&folder, &source, xds, LOOPBACK)?;
        let addresses = Addresses { xds: LOOPBACK, admin: LOOPBACK };
        let mut control_plane = Self { process, addresses, source, folder };
        control_plane.says_addresses().await?;
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
        self.process = spawn(&self.folder, &self.source, self.addresses.xds, self.addresses.admin)?;
        self.says_addresses().await?;
        self.becomes_ready().await
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// After a minute; the text has the reason and the log.
    pub async fn becomes_ready(&mut self) -> Result<()> {
        let ready = wait::until("evenkeel to be ready", START, async || self.readiness().await, |(ready, _)| *ready);
        ready.await.with_context(|| self.process.log_tail()).map(drop)
    }

    async fn says_addresses(&mut self) -> Result<()> {
        let addresses = async || {
            // A process that has ended will never say its addresses: the answer is final, and shows its log.
            self.process
                .check_running()
                .map_or_else(|ended| Ok(Err(ended)), |()| addresses(&self.process.log()).map(Ok))
        };
        self.addresses = wait::until("the addresses of evenkeel", PATIENCE, addresses, |_| true).await??;
        Ok(())
    }
}

fn kubernetes(kubeconfig: &Path, flags: &[&str]) -> Vec<OsString> {
    let source = ["--kubeconfig".into(), kubeconfig.into()].into_iter();
    source.chain(flags.iter().map(OsString::from)).collect()
}

/// Each process has a log of its own: an old one's addresses are not the new one's.
fn spawn(folder: &TempDir, source: &[OsString], xds: SocketAddr, admin: SocketAddr) -> Result<Process> {
    let mut command = Command::new(artifact::control_plane()?);
    command.arg("serve").args(source);
    command.args(["--xds-address", &xds.to_string(), "--admin-address", &admin.to_string()]);
    let logs = fs::read_dir(folder)?.count();
    Process::spawn("evenkeel", command, &folder.path().join(format!("log-{logs}")))
}

fn addresses(log: &str) -> Result<Addresses> {
    log.lines().find_map(|line| serde_json::from_str(line).ok()).context("no addresses in the output yet")
}
