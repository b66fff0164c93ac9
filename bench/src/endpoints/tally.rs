//! Counts what all clients of a server have acknowledged, and notes when the last of them did.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

/// The count of one server's clients.
#[derive(Debug)]
pub struct Tally {
    clients: u64,
    acknowledged: AtomicU64,
    bytes: AtomicU64,
    last_nanoseconds: AtomicU64,
    complete: Notify,
}

impl Tally {
    /// Of this many clients.
    pub fn new(clients: u64) -> Self {
        let zero = AtomicU64::default;
        Self { clients, acknowledged: zero(), bytes: zero(), last_nanoseconds: zero(), complete: Notify::new() }
    }

    /// A client has sent so many acknowledgements.
    pub fn acknowledged(&self, count: usize) {
        for _ in 0..count {
            let so_far = self.acknowledged.fetch_add(1, Ordering::Relaxed) + 1;
            if so_far.is_multiple_of(self.clients) {
                self.last_nanoseconds.store(now().as_nanos() as u64, Ordering::Relaxed);
                self.complete.notify_one();
            }
        }
    }

    /// A client has read so many bytes.
    pub fn read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// How many clients there are.
    pub fn clients(&self) -> u64 {
        self.clients
    }

    /// Acknowledgements that were sent so far.
    pub fn acknowledgements(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Bytes that all clients have read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Waits until every client has acknowledged one more response, and says when the last one did, by the clock that
    /// [`now`] reads.
    pub async fn all_acknowledged(&self) -> Duration {
        self.complete.notified().await;
        Duration::from_nanos(self.last_nanoseconds.load(Ordering::Relaxed))
    }
}

/// The clock that all processes of a machine share.
pub fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}
