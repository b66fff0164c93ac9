//! Which processor runs what: the Envoy that is measured has one for itself, as far as the machine allows.

use std::fs;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// The two processors of a measurement; the same one where there is only one.
#[derive(Clone, Copy, Debug)]
pub struct Processors {
    load: usize,
    envoy: usize,
}

impl Processors {
    /// The first and the last that we may use.
    pub fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("cannot read which processors we may use")?;
        let mut numbers = (0..CpuSet::MAX_CPU).filter(|number| allowed.is_set(*number));
        let load = numbers.next().context("the kernel lists no processor for us")?;
        Ok(Self { load, envoy: numbers.next_back().unwrap_or(load) })
    }

    /// Binds the calling thread, and with it all threads that it starts from now on.
    pub fn bind_load(self) -> Result<()> {
        sched_setaffinity(None, &only(self.load)).context("cannot bind the load to a processor")
    }

    /// Binds every thread of an Envoy; threads that they start later inherit it.
    pub fn bind_envoy(self, process: u32) -> Result<()> {
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let number = thread?.file_name().to_string_lossy().parse()?;
            // A thread that has ended meanwhile needs no processor.
            let _ = sched_setaffinity(Pid::from_raw(number), &only(self.envoy));
        }
        Ok(())
    }
}

fn only(processor: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(processor);
    set
}
