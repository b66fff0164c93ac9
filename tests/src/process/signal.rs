//! Signals, and the bond between a child's life and ours.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group, set_parent_process_death_signal};

/// Puts the child into its own process group and has the kernel kill it when the thread that starts it ends.
pub(super) fn bind_life_to_ours(command: &mut Command) {
    command.process_group(0);
    // SAFETY: between fork and exec only prctl is called, which is async-signal-safe and touches no memory of ours.
    unsafe { command.pre_exec(|| set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)) };
}

/// Sends a signal to the process group that `leader` leads.
pub(super) fn send(leader: u32, signal: Signal) -> Result<()> {
    let group = i32::try_from(leader).ok().and_then(Pid::from_raw).context("not a process id")?;
    kill_process_group(group, signal).with_context(|| format!("cannot send {signal:?} to process group {leader}"))
}
