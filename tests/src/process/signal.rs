//! The few system calls that the standard library has no safe form of.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

/// A signal that tests send.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    Terminate,
    Kill,
    Stop,
    Continue,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Self::Terminate => libc::SIGTERM,
            Self::Kill => libc::SIGKILL,
            Self::Stop => libc::SIGSTOP,
            Self::Continue => libc::SIGCONT,
        }
    }
}

/// Puts the child into its own process group and has the kernel kill it when the thread that starts it ends.
pub(super) fn bind_life_to_ours(command: &mut Command) {
    command.process_group(0);
    // SAFETY: between fork and exec only prctl is called, which is async-signal-safe and touches no memory of ours.
    unsafe { command.pre_exec(die_with_parent) };
}

fn die_with_parent() -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and changes only this process.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sends a signal to the process group that `leader` leads.
pub(super) fn send(leader: u32, signal: Signal) -> Result<()> {
    let group = libc::pid_t::try_from(leader)?;
    // SAFETY: kill has no memory arguments; the group is one of our own children that nobody has waited for yet.
    let result = unsafe { libc::kill(-group, signal.number()) };
    let sent = if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    sent.with_context(|| format!("cannot send {signal:?} to process group {group}"))
}
