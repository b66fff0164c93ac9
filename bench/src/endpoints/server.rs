//! The servers that are compared, each a process of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_tests::process::{Process, usage};
use evenkeel_tests::{artifact, wait};
use serde::Serialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::processors::Processors;
use super::transport::Transport;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    /// Ours.
    Evenkeel,
    /// The Go library: its `LinearCache` with delta, its `SnapshotCache` with state of the world.
    GoControlPlane,
}

impl ServerKind {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evenkeel => "evenkeel",
            Self::GoControlPlane => "go-control-plane",
        }
    }

    fn program(self) -> Result<PathBuf> {
        match self {
            Self::Evenkeel => artifact::bench_server(),
            Self::GoControlPlane => artifact::go_control_plane_server(),
        }
    }
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it serves.
    pub address: SocketAddr,
    process: Process,
    orders: OwnedWriteHalf,
    answers: Lines<BufReader<OwnedReadHalf>>,
    _folder: TempDir,
}

impl Server {
    /// Starts one with this many endpoints, and waits until it serves them.
    pub async fn start(
        kind: ServerKind,
        transport: Transport,
        resource: &str,
        endpoints: u32,
        processors: &Processors,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("control");
        let mut command = processors.server(&kind.program()?);
        command.args(["--name", resource, "--endpoints", &endpoints.to_string()]).arg("--control").arg(&socket);
        if kind == ServerKind::GoControlPlane {
            command.args(["--transport", transport.name()]);
        }
        let mut process = Process::spawn(kind.name(), command, &folder.path().join("log"))?;
        let connect = async || match process.check_running() {
            // A process that has ended will never listen: the answer is final.
            Err(ended) => Ok(Err(ended)),
            Ok(()) => Ok(Ok(UnixStream::connect(&socket).await?)),
        };
        let control = wait::until("the control socket", PATIENCE, connect, |_| true).await??;
        let (answers, orders) = control.into_split();
        let mut answers = BufReader::new(answers).lines();
        let address = answer(&mut answers).await?.parse()?;
        Ok(Self { address, process, orders, answers, _folder: folder })
    }

    /// Changes one endpoint. Says when the change was begun, by the clock that all processes share.
    pub async fn change(&mut self) -> Result<Duration> {
        self.orders.write_all(b"change\n").await?;
        Ok(Duration::from_nanos(answer(&mut self.answers).await?.parse()?))
    }

    /// CPU time so far.
    pub fn cpu_time(&self) -> Result<Duration> {
        usage::cpu_time(self.process.id())
    }

    /// CPU time so far in user space and in the kernel, in ticks of the kernel.
    pub fn cpu_ticks(&self) -> Result<[f64; 2]> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The second field is the program's name, in parentheses.
        let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat has no name")?;
        let mut ticks = fields.split(' ').skip(11).map(|ticks| ticks.parse().context("no number in /proc/PID/stat"));
        let mut next = || ticks.next().context("/proc/PID/stat is too short")?;
        Ok([next()?, next()?])
    }

    /// Resident memory now and at its largest, in bytes.
    pub fn memory(&self) -> Result<(u64, u64)> {
        let process = self.process.id();
        Ok((usage::resident_memory(process)?, usage::peak_resident_memory(process)?))
    }

    /// Whatever it has said, for an error.
    pub fn log(&self) -> String {
        self.process.log_tail()
    }
}

async fn answer(answers: &mut Lines<BufReader<OwnedReadHalf>>) -> Result<String> {
    answers.next_line().await?.context("the server has closed its control socket")
}
