//! Network namespaces: addresses and ports that a test has for itself.
//!
//! Nothing here touches the machine's own network, and a namespace is gone with the last thread, process or value that
//! has it.

mod nodes;
mod pods;

use std::fs::{self, File};
use std::future::Future;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::panic;
use std::process::{self, Command};
use std::thread;

use anyhow::{Context, Result};
use evenkeel_bed::program;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use tokio::runtime::Builder;

pub use self::nodes::NodeNetwork;
pub use self::pods::PodNetwork;

/// Runs a test in a network namespace of its own, where every address of 10.0.0.0/8 is local.
///
/// So pods, nodes and services have addresses as in a cluster, any program can listen on them, and ports are free
/// whatever runs beside. All threads of the test's runtime and all processes that it starts are inside.
///
/// # Errors
/// The test's own, or that we may not make namespaces.
///
/// # Panics
/// When the test does.
pub fn isolated<Test>(test: impl FnOnce() -> Test + Send) -> Result<()>
where
    Test: Future<Output = Result<()>>,
{
    let namespace = Namespace::new()?;
    namespace.ip("route add local 10.0.0.0/8 dev lo")?;
    namespace.run(|| Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(test()))
}

/// A network namespace.
#[derive(Debug)]
pub struct Namespace {
    file: File,
}

impl Namespace {
    /// A new one with nothing but loopback.
    ///
    /// # Errors
    /// When this user may not make one, or `ip` is missing.
    pub fn new() -> Result<Self> {
        let made = on_a_thread(|| {
            // SAFETY: only the network namespace changes; memory and file descriptors stay as they are.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
                .context("cannot make a network namespace: run the tests as root")?;
            Self::of_this_thread()
        })?;
        made.ip("link set lo up")?;
        Ok(made)
    }

    /// The one in which this thread is.
    pub fn of_this_thread() -> Result<Self> {
        let file = File::open("/proc/thread-self/ns/net").context("cannot open this thread's network namespace")?;
        Ok(Self { file })
    }

    /// Runs something on a thread inside; what it starts stays inside.
    ///
    /// # Panics
    /// When `work` does.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        on_a_thread(|| {
            self.enter()?;
            work()
        })
    }

    /// Runs `ip` with these arguments inside.
    ///
    /// # Errors
    /// With the whole command, and what it said.
    pub fn ip(&self, arguments: &str) -> Result<()> {
        self.run(|| program::output(Command::new("ip").args(arguments.split_whitespace())).map(drop))
    }

    /// Sets a parameter of the kernel, such as `net/ipv4/ip_forward`, inside.
    fn set(&self, parameter: &str, value: &str) -> Result<()> {
        self.run(|| {
            fs::write(format!("/proc/sys/{parameter}"), value).with_context(|| format!("cannot set {parameter}"))
        })
    }

    /// What `ip` calls it.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.file.as_raw_fd())
    }

    /// Moves this thread inside. A thread that is inside already needs no privilege for it.
    pub(crate) fn enter(&self) -> Result<()> {
        if self.identity()? == Self::of_this_thread()?.identity()? {
            return Ok(());
        }
        move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))
            .context("cannot enter a network namespace")
    }

    fn identity(&self) -> Result<(u64, u64)> {
        let metadata = self.file.metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    }
}

/// On a thread of its own, so that the caller's stays in its namespace.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
}
