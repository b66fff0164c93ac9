//! What the instance knows of one VM.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// A VM without a tick for so long is dead: three of the longest tick periods.
const LIFETIME: Duration = Duration::from_secs(3);

/// A VM, by a random number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkerId(pub u64);

/// Gauges of one VM as of its last tick, and what it may drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Worker {
    pub(super) id: WorkerId,
    pub(super) seen: Time,
    pub(super) live: u64,
    pub(super) draining: u64,
    /// Requests per second on live connections, in thousandths.
    pub(super) request_rate: u64,
    /// Its part of what the directive has left to do.
    pub(super) quota: u64,
}

impl Worker {
    pub(super) fn new(id: WorkerId, now: Time) -> Self {
        Self { id, seen: now, live: 0, draining: 0, request_rate: 0, quota: 0 }
    }

    pub(super) fn is_dead(&self, now: Time) -> bool {
        now >= self.seen.plus(LIFETIME)
    }

    /// So many of its live connections drain.
    pub(super) fn drain(&mut self, drains: u64) {
        self.live = self.live.saturating_sub(drains);
        self.draining += drains;
    }
}
