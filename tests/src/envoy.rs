//! A running Envoy.

mod admin;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_bed::EnvoyVersion;
use serde_json::Value;
use tempfile::TempDir;

use self::admin::Admin;
use crate::network::Namespace;
use crate::process::{Process, kernel, usage};
use crate::wait;

/// How long a start may take: a listener waits up to 15 s for its first endpoints or extension configuration.
const START: Duration = Duration::from_secs(40);

/// How to start an Envoy.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Which Envoy.
    pub version: EnvoyVersion,
    /// Worker threads (`--concurrency`).
    pub concurrency: u32,
    /// The log level, `warning` unless a test reads more.
    pub log_level: &'static str,
    /// Whether the machine has IPv6 in Envoy's eyes.
    pub ipv6: bool,
    /// How a listener goes that another one replaces.
    pub drain: &'static [&'static str],
}

impl Start {
    /// Two workers, warnings only.
    pub fn new(version: EnvoyVersion) -> Self {
        Self { version, concurrency: 2, log_level: "warning", ipv6: true, drain: &["--drain-time-s", "1"] }
    }

    /// With another number of workers.
    #[must_use]
    pub fn concurrency(self, workers: u32) -> Self {
        Self { concurrency: workers, ..self }
    }

    /// With another log level.
    #[must_use]
    pub fn log_level(self, level: &'static str) -> Self {
        Self { log_level: level, ..self }
    }

    /// As on a machine whose kernel has no IPv6 (`ipv6.disable=1`): Envoy then rejects endpoints with IPv6 addresses.
    #[must_use]
    pub fn without_ipv6(self) -> Self {
        Self { ipv6: false, ..self }
    }

    /// A listener that is replaced drains its connections with their next response, as Istio's agent has it.
    #[must_use]
    pub fn drain_as_in_istio(self) -> Self {
        Self { drain: &["--drain-time-s", "45", "--drain-strategy", "immediate"], ..self }
    }

    /// Starts Envoy with `bootstrap` and waits until it is LIVE and all static listeners are bound.
    ///
    /// # Errors
    /// When the bed is missing, or Envoy refuses the bootstrap: the error has the end of its log.
    pub async fn run(self, bootstrap: Value) -> Result<Envoy> {
        // Port 0 everywhere and the real ports read back: no other process can take a port in between.
        self.run_at(LOOPBACK, &Namespace::of_this_thread()?, bootstrap).await
    }

    /// As [`Self::run`], in this network, with the admin interface at an address of it that is reached from here.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_at(self, admin: SocketAddr, network: &Namespace, mut bootstrap: Value) -> Result<Envoy> {
        let folder = tempfile::tempdir().context("cannot create a folder for Envoy")?;
        bootstrap["admin"] = serde_json::json!({"address": crate::bootstrap::address(admin)});
        let file = folder.path().join("bootstrap.json");
        fs::write(&file, serde_json::to_vec_pretty(&bootstrap)?).context("cannot write the bootstrap")?;
        self.run_in(folder, &file, network).await
    }

    /// Starts Envoy as users do, with a configuration file and in that file's folder; the file has the admin interface.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_file(self, file: &Path) -> Result<Envoy> {
        let folder = tempfile::tempdir().context("cannot create a folder for Envoy")?;
        self.run_in(folder, file, &Namespace::of_this_thread()?).await
    }

    async fn run_in(self, folder: TempDir, file: &Path, network: &Namespace) -> Result<Envoy> {
        let process = network.run(|| self.spawn(file, folder.path()))?;
        let admin = Admin::new(folder.path().join("admin"));
        let mut envoy = Envoy { process, admin, folder };
        envoy.wait_until_live().await?;
        Ok(envoy)
    }

    fn spawn(self, file: &Path, folder: &Path) -> Result<Process> {
        let mut command = Command::new(self.version.find()?);
        command.arg("-c").arg(file).arg("--admin-address-path").arg(folder.join("admin"));
        command.args(["--use-dynamic-base-id", "--log-level", self.log_level]);
        command.args(["--concurrency", &self.concurrency.to_string()]).args(self.drain);
        command.args(["--parent-shutdown-time-s", "2"]).current_dir(file.parent().unwrap_or(folder));
        if !self.ipv6 {
            kernel::without_ipv6(&mut command)?;
        }
        Process::spawn(&format!("Envoy {}", self.version), command, &folder.join("log"))
    }
}

/// Any free port of the loopback address.
pub const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A running Envoy; it ends when dropped.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: Admin,
    folder: TempDir,
}

impl Envoy {
    /// One that Istio's agent starts, and waits until it is LIVE. The process is the agent, whose log has both.
    pub(crate) async fn of_agent(process: Process, folder: TempDir, admin: SocketAddr) -> Result<Self> {
        let file = folder.path().join("admin");
        fs::write(&file, admin.to_string()).context("cannot write the admin address")?;
        let mut envoy = Self { process, admin: Admin::new(file), folder };
        envoy.wait_until_live().await?;
        Ok(envoy)
    }

    /// The child process: log, pause, resume, kill.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Envoy's log so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The end of Envoy's log.
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }

    /// The folder of this Envoy: bootstrap, log.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Where the listener `name` accepts connections.
    ///
    /// # Errors
    /// When there is no such listener.
    pub async fn listener(&self, name: &str) -> Result<SocketAddr> {
        self.admin.listener(name).await?.with_context(|| format!("Envoy has no listener {name}"))
    }

    /// The value of a counter or gauge by its full name; 0 when Envoy has not made it yet.
    pub async fn stat(&self, name: &str) -> Result<u64> {
        Ok(self.stats(name).await?.into_iter().find(|(found, _)| found == name).map_or(0, |(_, value)| value))
    }

    /// All counters and gauges whose name starts with `prefix`, sorted by name.
    pub async fn stats(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        self.admin.stats(prefix).await
    }

    /// The counters and gauges whose name starts with one of `prefixes`, added up.
    pub async fn stat_sum(&self, prefixes: &[&str]) -> Result<u64> {
        let mut sum = 0;
        for prefix in prefixes {
            sum += self.stats(prefix).await?.iter().map(|(_, value)| value).sum::<u64>();
        }
        Ok(sum)
    }

    /// Waits until the stat `name` is as `accepts` wants it, and returns it.
    ///
    /// # Errors
    /// After `patience`; the text has the last value.
    pub async fn stat_until(&self, name: &str, accepts: impl Fn(u64) -> bool, patience: Duration) -> Result<u64> {
        wait::until(name, patience, async || self.stat(name).await, |value| accepts(*value)).await
    }

    /// Waits until the log contains `text`.
    ///
    /// # Errors
    /// After `patience`.
    pub async fn log_until(&self, text: &str, patience: Duration) -> Result<()> {
        let what = format!("{text:?} in the log of Envoy");
        wait::until(&what, patience, async || Ok(self.log_tail()), |_| self.log().contains(text)).await.map(drop)
    }

    /// The addresses of a cluster's hosts, with their weights.
    ///
    /// # Errors
    /// When there is no such cluster.
    pub async fn hosts(&self, cluster: &str) -> Result<BTreeMap<SocketAddr, u64>> {
        self.admin.hosts(cluster).await
    }

    /// The hosts of a cluster that outlier detection has ejected.
    ///
    /// # Errors
    /// When there is no such cluster.
    pub async fn ejected(&self, cluster: &str) -> Result<Vec<SocketAddr>> {
        self.admin.ejected(cluster).await
    }

    /// Where the admin interface is.
    ///
    /// # Errors
    /// When Envoy has not said it yet.
    pub fn admin_address(&self) -> Result<SocketAddr> {
        self.admin.address()
    }

    /// The answer of the admin interface to GET `path`.
    pub async fn admin(&self, path: &str) -> Result<String> {
        self.admin.get(path).await
    }

    /// Resident memory in bytes.
    pub fn resident_memory(&self) -> Result<u64> {
        usage::resident_memory(self.process.id())
    }

    /// CPU time used so far by all threads.
    pub fn cpu_time(&self) -> Result<Duration> {
        usage::cpu_time(self.process.id())
    }

    async fn wait_until_live(&mut self) -> Result<()> {
        let Self { process, admin, .. } = self;
        let observe = async || {
            // An Envoy that has ended will never be live: the answer is final, and shows its log.
            match process.check_running() {
                Err(ended) => Ok(Err(ended)),
                Ok(()) => admin.live().await.map(Ok),
            }
        };
        let state = wait::until("Envoy to be LIVE", START, observe, |state| matches!(state, Err(_) | Ok(true))).await;
        state.with_context(|| self.process.log_tail())?.map(drop)
    }
}
