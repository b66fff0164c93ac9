//! A control plane that has just begun to listen knows nobody: that is no change of the group.

use super::CALM;
use crate::rebalance::report::Report;
use evenkeel_filter_core::Time;
use std::time::Duration;

/// An Envoy with fewer reports than this has joined its group lately, whoever was listening then.
const YOUNG: u64 = 60;
/// Everybody who reports at all has reported once by then.
const LONGEST: Duration = CALM.saturating_add(Duration::from_secs(2));

/// From the first moment until everybody could be heard.
#[derive(Debug)]
pub struct Learning {
    since: Time,
    over: bool,
}

impl Learning {
    /// Begins now.
    pub fn since(now: Time) -> Self {
        Self { since: now, over: false }
    }

    /// Whether an Envoy that is not known is new to the group.
    pub fn is_new(&self, report: &Report) -> bool {
        self.over || report.sequence <= YOUNG
    }

    /// Why nothing can be said yet, until everybody has reported or has had the time to.
    pub fn reason(&mut self, now: Time, interval: Duration, members: usize, silent: usize) -> Option<String> {
        let everybody = silent == 0 && now >= self.since.plus(interval);
        self.over |= everybody || now >= self.since.plus(LONGEST);
        let reason = || format!("learning who is there: {members} of {} have reported", members + silent);
        (!self.over).then(reason)
    }
}
