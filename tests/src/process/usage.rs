//! Memory and CPU time of a process, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Resident memory in bytes.
///
/// # Errors
/// When the process has ended.
pub fn resident_memory(process: u32) -> Result<u64> {
    status(process, "VmRSS:")
}

/// The largest resident memory since the process was started, in bytes.
///
/// # Errors
/// When the process has ended.
pub fn peak_resident_memory(process: u32) -> Result<u64> {
    status(process, "VmHWM:")
}

fn status(process: u32, field: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let line = line.with_context(|| format!("no {field} the process has ended"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// CPU time that all threads together have used, user and system. The scheduler counts it in nanoseconds.
///
/// # Errors
/// When the process has ended.
pub fn cpu_time(process: u32) -> Result<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task"))?.filter_map(Result::ok);
    // A thread that ends between the listing and the reading has nothing to read.
    let spent = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    Ok(spent.filter_map(|text| text.split(' ').next()?.parse().ok()).map(Duration::from_nanos).sum())
}
