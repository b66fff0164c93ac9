//! A kernel that lacks something, as a child process sees it.

use std::env::consts::ARCH;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use seccompiler::{BpfProgram, Error, apply_filter, compile_from_json};
use serde_json::json;

/// Linux's numbers, the same on every architecture that Envoy is built for.
const AF_INET6: u32 = 10;
const EAFNOSUPPORT: u32 = 97;

/// Gives the child no IPv6 sockets, with the error that a kernel with `ipv6.disable=1` has.
///
/// # Errors
/// When seccomp does not know the machine's architecture.
pub fn without_ipv6(command: &mut Command) -> Result<()> {
    let program = refuse_ipv6().context("cannot make a seccomp filter")?;
    let refuse = move || apply_filter(&program).map_err(system_error);
    // SAFETY: between fork and exec only prctl and seccomp are called, with a program that was made before.
    unsafe { command.pre_exec(refuse) };
    Ok(())
}

fn refuse_ipv6() -> Result<BpfProgram> {
    let is_ipv6 = json!({"index": 0, "type": "dword", "op": "eq", "val": AF_INET6});
    let filter = json!({"without_ipv6": {
        "mismatch_action": "allow",
        "match_action": {"errno": EAFNOSUPPORT},
        "filter": [{"syscall": "socket", "args": [is_ipv6]}],
    }});
    let mut programs = compile_from_json(filter.to_string().as_bytes(), ARCH.try_into()?)?;
    programs.remove("without_ipv6").context("the filter is gone")
}

/// Without memory of its own: the child may not allocate yet.
fn system_error(error: Error) -> io::Error {
    match error {
        Error::Prctl(error) | Error::Seccomp(error) => error,
        _ => io::ErrorKind::InvalidInput.into(),
    }
}
