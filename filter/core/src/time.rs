use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A reading of a monotonic clock, in nanoseconds since an origin that only has to stay the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(u64);

impl Time {
    /// Later than any reading: the limit of what has none.
    pub const NEVER: Self = Self(u64::MAX);

    /// The time `nanoseconds` after the clock's origin.
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// This time and `duration`; the end of time if that is beyond what 64 bits hold (584 years).
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanoseconds))
    }

    /// The time that has passed since `earlier`; none if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
