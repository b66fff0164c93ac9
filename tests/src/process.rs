//! Child processes that never outlive the test: killed on drop, and by the kernel when we die.

pub mod kernel;
mod signal;
mod spawner;
pub mod usage;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

/// How long a child may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(3);
/// How many bytes of the log an error shows.
const TAIL: usize = 4_000;

/// Allows this process, and the children that it starts from now on, as many open files as the system lets it have.
///
/// # Errors
/// When that is less than `needed`.
pub fn raise_open_files(needed: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    ensure!(most >= needed, "{needed} open files are needed and {most} allowed: run `ulimit -n {needed}` as root");
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .context("cannot raise the limit of open files")
}

/// A running child in a process group of its own, its output in a log file.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with standard output and error appended to `log`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log);
        let output = output.with_context(|| format!("cannot open the log {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        signal::bind_life_to_ours(&mut command);
        let child = spawner::spawn(command).with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails when the process has ended; the error shows how, and the end of its log.
    pub fn check_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}:\n{}", self.name, self.log_tail()),
        }
    }

    /// The whole log so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The last few thousand bytes of the log, from the start of a line.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let from = log.ceil_char_boundary(log.len().saturating_sub(TAIL));
        let tail = &log[from..];
        if from == 0 { log } else { tail.split_once('\n').map_or(tail, |(_, lines)| lines).to_owned() }
    }

    /// Stops the process where it is (SIGSTOP): its sockets stay open and nobody answers.
    pub fn pause(&self) -> Result<()> {
        signal::send(self.id(), Signal::STOP)
    }

    /// Lets a paused process go on (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        signal::send(self.id(), Signal::CONT)
    }

    /// Kills the process group at once (SIGKILL) and waits for its end.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        signal::send(self.id(), Signal::KILL)?;
        Ok(self.child.wait()?)
    }

    /// Asks the process to end (SIGTERM) and returns how it ended.
    ///
    /// # Errors
    /// When it has not ended after `patience`; it goes on running then.
    pub fn terminate(&mut self, patience: Duration) -> Result<ExitStatus> {
        signal::send(self.id(), Signal::TERM)?;
        let ended = self.wait_for_end(patience)?;
        ended.with_context(|| format!("{} still runs {patience:?} after SIGTERM:\n{}", self.name, self.log_tail()))
    }

    /// Blocks until the process ends by itself.
    ///
    /// # Errors
    /// When it still runs after `patience`.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let ended = self.wait_for_end(patience)?;
        ended.with_context(|| format!("{} still runs after {patience:?}:\n{}", self.name, self.log_tail()))
    }

    /// Blocks until the process ends or `patience` is over.
    fn wait_for_end(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // A paused process cannot act on SIGTERM.
            let _ = self.resume();
            if self.terminate(GRACE).is_err() {
                let _ = self.kill();
            }
        }
    }
}
