//! How much those who fetch the filter may take.

use std::time::Duration;

/// Limits of the port. A proxy fetches some hundred kilobytes, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time. The others wait in the backlog: proxies that start together come together.
    pub connections: usize,
    /// How long a connection may be open without a complete request.
    pub silence: Duration,
    /// How long a connection may be open in all: whoever reads slower than that does not get the filter. Above the 30 s
    /// that Istio's agent waits.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 512, silence: Duration::from_secs(5), age: Duration::from_secs(40) }
    }
}
