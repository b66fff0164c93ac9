//! How much one client, and all of them together, may take.

use std::time::Duration;

/// Limits of the server. The defaults are far from what proxies need and near enough to keep the process alive.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Discovery streams at one time. An idle stream costs some kilobytes, and Envoy opens one per cluster unless it uses
    /// the aggregated service: the default is 1,000 proxies with 100 clusters each. One more is told `RESOURCE_EXHAUSTED`.
    pub streams: usize,
    /// Connections from one address. A proxy needs one; the default leaves room for whole clusters behind one address
    /// (NAT, a sidecar in front of this server). One more is closed at once.
    pub connections_per_address: usize,
    /// How long a connection may be open without a request, and a stream without its first message. Whoever waits longer
    /// is no discovery client.
    pub silence: Duration,
    /// How long the transport may hold a response that the client does not take. Then the connection is closed: there is
    /// no other way to end a stream whose client does not read.
    pub unread: Duration,
    /// Streams older than this are ended; clients come back at once, perhaps to another replica. Each stream ends up to
    /// a tenth earlier, so that they do not end together. `None` for never.
    pub stream_age: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 100_000,
            connections_per_address: 10_000,
            silence: Duration::from_mins(1),
            unread: Duration::from_mins(1),
            stream_age: Some(Duration::from_mins(30)),
        }
    }
}
