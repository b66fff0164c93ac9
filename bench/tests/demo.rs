//! The demo as users start it: its promise in short, and that it leaves nothing behind however it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_tests::process::Process;
use evenkeel_tests::wait;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// Two demos at a time would take each other's CPU.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Longer than any demo here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);
/// Two gateways, the NodePort, the control plane.
const PROGRAMS: usize = 4;

/// A demo that runs.
struct Demo {
    process: Process,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Demo {
    async fn start(arguments: &[&str]) -> Result<Self> {
        let turn = ONE_AT_A_TIME.lock().await;
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel-bench"));
        command.arg("demo").args(arguments).arg("--json").arg(folder.path().join("summary.json"));
        command.arg("--chart").arg(folder.path().join("chart.png"));
        let process = Process::spawn("the demo", command, &folder.path().join("log"))?;
        Ok(Self { process, folder, _turn: turn })
    }

    /// Starts one in short and waits until its first run is under way; returns it with its programs.
    async fn under_way() -> Result<(Self, Programs)> {
        let demo = Self::start(&["--short"]).await?;
        let said = async || Ok(demo.process.log());
        wait::until("the first run", PATIENCE, said, |log| log.contains("2 gateways hold all")).await?;
        let programs = demo.programs()?;
        assert_eq!(programs.0.len(), PROGRAMS, "{programs:?}");
        Ok((demo, programs))
    }

    fn chart(&self) -> PathBuf {
        self.folder.path().join("chart.png")
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        send(self.process.id(), signal)
    }

    fn ended(&mut self) -> Result<ExitStatus> {
        self.process.wait(PATIENCE)
    }

    fn programs(&self) -> Result<Programs> {
        let ids = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let programs = ids.filter_map(Program::find).filter(|program| program.parent == self.process.id());
        Ok(Programs(programs.collect()))
    }
}

/// A process that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Program {
    id: u32,
    parent: u32,
    /// Tells it from a later process with the same id.
    started: u64,
}

impl Program {
    /// Reads `/proc/ID/stat`; a process that has ended and that nobody has waited for is `Z` there.
    fn find(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The second field is the name in parentheses and may have spaces in it.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let (state, parent, started) = (fields.first()?, fields.get(1)?, fields.get(19)?);
        (*state != "Z").then_some(Self { id, parent: parent.parse().ok()?, started: started.parse().ok()? })
    }

    fn runs(&self) -> bool {
        Self::find(self.id).is_some_and(|found| found.started == self.started)
    }

    fn is_envoy(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/cmdline", self.id)).is_ok_and(|line| line.contains("envoy"))
    }
}

/// The demo's children.
#[derive(Debug)]
struct Programs(Vec<Program>);

impl Programs {
    async fn wait_until_gone(&self) -> Result<()> {
        let left = async || Ok(self.0.iter().filter(|program| program.runs()).collect::<Vec<_>>());
        wait::until("the demo's programs to be gone", PATIENCE, left, Vec::is_empty).await.map(drop)
    }

    fn any_envoy(&self) -> Result<u32> {
        let envoy = self.0.iter().find(|program| program.is_envoy());
        envoy.map(|program| program.id).context("no Envoy among the programs")
    }
}

fn send(id: u32, signal: Signal) -> Result<()> {
    let id = Pid::from_raw(id.cast_signed()).context("not a process id")?;
    Ok(kill_process(id, signal)?)
}

fn read_json(file: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&fs::read(file)?)?)
}

#[tokio::test]
async fn in_short_it_keeps_its_promise() -> Result<()> {
    let mut demo = Demo::start(&["--short"]).await?;
    let status = demo.ended()?;
    let log = demo.process.log();
    assert!(status.success(), "{status}\n{log}");
    assert!(log.contains("Two gateways became four.") && !log.contains('\u{1b}'), "{log}");
    let summary = read_json(&demo.folder.path().join("summary.json"))?;
    for run in ["with", "timers", "without"] {
        assert_eq!(summary[run]["failed"], 0, "{summary}");
        assert_eq!(summary[run]["per_gateway_connections"].as_array().map(Vec::len), Some(4), "{summary}");
        assert!(summary[run]["requests"].as_u64() > Some(10_000), "{summary}");
    }
    assert_eq!(summary["without"]["closes"], 0, "nobody closes connections without the filter: {summary}");
    assert!(summary["timers"]["closes"].as_u64() >= Some(200), "each connection is replaced once at least: {summary}");
    let closes = |run: &str| summary[run]["closes_per_connection"].as_f64();
    assert!(closes("with") > Some(0.5) && closes("with") < closes("timers"), "only the excess moves: {summary}");
    assert_eq!(fs::read(demo.chart())?.get(1..4), Some(&b"PNG"[..]));
    Ok(())
}

#[tokio::test]
async fn ctrl_c_leaves_no_process_behind() -> Result<()> {
    let (mut demo, programs) = Demo::under_way().await?;
    demo.signal(Signal::INT)?;
    assert_eq!(demo.ended()?.code(), Some(130));
    programs.wait_until_gone().await
}

#[tokio::test]
async fn ctrl_c_while_programs_start_leaves_no_process_behind() -> Result<()> {
    let mut demo = Demo::start(&["--short"]).await?;
    wait::until("a program", PATIENCE, async || Ok(demo.programs()?.0.len()), |count| *count > 0).await?;
    let programs = demo.programs()?;
    demo.signal(Signal::INT)?;
    assert_eq!(demo.ended()?.code(), Some(130));
    programs.wait_until_gone().await
}

#[tokio::test]
async fn sigterm_leaves_no_process_behind() -> Result<()> {
    let (mut demo, programs) = Demo::under_way().await?;
    demo.signal(Signal::TERM)?;
    assert_eq!(demo.ended()?.code(), Some(130));
    programs.wait_until_gone().await
}

#[tokio::test]
async fn even_a_killed_demo_leaves_no_process_behind() -> Result<()> {
    let (mut demo, programs) = Demo::under_way().await?;
    demo.process.kill()?;
    programs.wait_until_gone().await
}

#[tokio::test]
async fn an_envoy_that_dies_ends_the_demo_with_a_reason() -> Result<()> {
    let (mut demo, programs) = Demo::under_way().await?;
    send(programs.any_envoy()?, Signal::KILL)?;
    assert_eq!(demo.ended()?.code(), Some(1), "{}", demo.process.log());
    assert!(demo.process.log().contains("ended with signal"), "{}", demo.process.log());
    programs.wait_until_gone().await
}

#[tokio::test]
async fn too_few_seconds_are_refused_before_anything_starts() -> Result<()> {
    let mut demo = Demo::start(&["--seconds", "3"]).await?;
    assert_eq!(demo.ended()?.code(), Some(1));
    assert!(demo.process.log().contains("give at least 21"), "{}", demo.process.log());
    Ok(())
}
