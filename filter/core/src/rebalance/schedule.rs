//! Who reports, and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::worker::WorkerId;
use crate::caps::Draw;
use crate::time::Time;

/// A leader that has not ticked for so many tick periods is replaced.
const LEASE_TICKS: u32 = 3;
/// How long a report waits for its answer: an interval, within these bounds.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The VM that reported tells of a timeout itself; a report without any news for longer than that has lost its VM.
const NEWS: Duration = Duration::from_millis(500);
/// Unanswered reports become rarer up to this, or to the configured interval if that is longer.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10);

/// The lead and the time table of an instance's reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Schedule {
    leader: WorkerId,
    lease_ends: Time,
    /// When the newest report was due.
    last: Time,
    /// From then to the next one.
    wait: Duration,
    /// The newest report has no answer yet; when to give it up.
    give_up: Option<Time>,
    failures: u32,
}

impl Schedule {
    /// `first` leads, and reports after about one interval: the others have made themselves known by then.
    pub(super) fn new(now: Time, first: WorkerId, interval: Duration, draw: Draw) -> Self {
        let wait = spread(interval, draw);
        Self { leader: first, lease_ends: now, last: now, wait, give_up: None, failures: 0 }
    }

    /// Whether `worker` leads; it ticks each `period`, and whoever ticks takes over from a leader that does not.
    pub(super) fn leads(&mut self, worker: WorkerId, now: Time, period: Duration) -> bool {
        let leads = self.leader == worker || now >= self.lease_ends;
        if leads {
            self.leader = worker;
            self.lease_ends = now.plus(period * LEASE_TICKS);
        }
        leads
    }

    /// Whether a report has to go out now; it counts as sent then.
    pub(super) fn sends(&mut self, now: Time, timeout: Duration) -> bool {
        let due = self.last.plus(self.wait);
        if self.give_up.is_some() || now < due {
            return false;
        }
        // From due time to due time, so that late ticks do not add up, unless a whole one was missed.
        self.last = if now < due.plus(self.wait) { due } else { now };
        self.give_up = Some(now.plus(timeout).plus(NEWS));
        true
    }

    /// Whether the newest report can get no answer any more.
    pub(super) fn is_lost(&self, now: Time) -> bool {
        self.give_up.is_some_and(|give_up| now >= give_up)
    }

    /// The newest report was answered, the next one goes out an `interval` after it; whether those before were not.
    pub(super) fn answered(&mut self, interval: Duration) -> bool {
        self.give_up = None;
        self.wait = interval;
        std::mem::take(&mut self.failures) > 0
    }

    /// The newest report was not answered; whether the one before was.
    pub(super) fn failed(&mut self, now: Time, interval: Duration, draw: Draw) -> bool {
        let back_off = interval.saturating_mul(1 << self.failures.min(16)).min(LONGEST_BACK_OFF.max(interval));
        self.give_up = None;
        self.last = now;
        self.wait = spread(back_off, draw);
        self.failures = self.failures.saturating_add(1);
        self.failures == 1
    }

    /// The interval that is in force.
    pub(super) fn interval(&self) -> Duration {
        self.wait
    }
}

/// How long to wait for an answer to a report.
pub(super) fn timeout(interval: Duration) -> Duration {
    interval.clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT)
}

/// From half of it to all of it: proxies that start or fail together do not report together.
fn spread(wait: Duration, draw: Draw) -> Duration {
    wait.mul_f64(1.0 - 0.5 * draw.get())
}
