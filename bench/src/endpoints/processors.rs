//! Which processors run what: servers and load have their own, as far as the machine allows.

use std::process::Command;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors of a measurement; load and servers share the one where there is only one.
#[derive(Clone, Debug)]
pub struct Processors {
    load: Vec<usize>,
    servers: Vec<usize>,
}

impl Processors {
    /// Half of those that we may use for the load, the rest for the servers.
    pub fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("cannot read which processors we may use")?;
        Ok(Self::halves((0..CpuSet::MAX_CPU).filter(|number| allowed.is_set(*number)).collect()))
    }

    fn halves(mut all: Vec<usize>) -> Self {
        let servers = all.split_off(all.len() / 2);
        let load = if all.is_empty() { servers.clone() } else { all };
        Self { load, servers }
    }

    /// Binds the calling thread, and with it all threads that it starts from now on.
    pub fn bind_load(&self) -> Result<()> {
        let mut set = CpuSet::new();
        self.load.iter().for_each(|number| set.set(*number));
        sched_setaffinity(None, &set).context("cannot bind the load to its processors")
    }

    /// A command that runs a program on the processors of the servers: it sees no others, so that its runtime starts as
    /// many threads.
    pub fn server(&self, program: &std::path::Path) -> Command {
        let list: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
        let mut command = Command::new("taskset");
        command.arg("--cpu-list").arg(list.join(",")).arg(program);
        command
    }

    /// How many the load has.
    pub fn of_load(&self) -> usize {
        self.load.len()
    }

    /// How many the servers have.
    pub fn of_servers(&self) -> usize {
        self.servers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_and_servers_share_only_a_single_processor() {
        let halves = |count| {
            let Processors { load, servers } = Processors::halves((0..count).collect());
            (load, servers)
        };
        assert_eq!(halves(1), (vec![0], vec![0]));
        assert_eq!(halves(2), (vec![0], vec![1]));
        assert_eq!(halves(5), (vec![0, 1], vec![2, 3, 4]));
    }
}
