//! What happened since the instance started.

use serde::{Deserialize, Serialize};

/// Counters that only grow, of all VMs together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: u64,
    /// Requests begun.
    pub requests: u64,
    /// Drains that a directive allowed.
    pub drained: u64,
    /// The request rates of those when they began to drain, added up, in thousandths of a request per second; counts
    /// only where they were chosen by it.
    pub drained_request_rate: u64,
}
