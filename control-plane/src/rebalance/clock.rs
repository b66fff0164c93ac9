//! The clock of this process.

use evenkeel_filter_core::Time;
use tokio::time::Instant;

/// A monotonic clock that starts with the process. Copies are the same clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// Its origin is now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// What it shows.
    pub fn now(self) -> Time {
        Time::from_nanoseconds(u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Waits until it shows this time; for ever for [`Time::NEVER`].
    pub async fn sleep_until(self, time: Time) {
        match self.0.checked_add(time.since(Time::from_nanoseconds(0))) {
            Some(instant) if time != Time::NEVER => tokio::time::sleep_until(instant).await,
            _ => std::future::pending().await,
        }
    }
}
