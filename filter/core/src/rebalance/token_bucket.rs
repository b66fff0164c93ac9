//! How fast connections may go, whatever anybody says.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The bucket holds what comes in during so many seconds: small, so that no second has many more drains than the rate
/// says, and long enough to be met by ticks that are late.
const BURST_SECONDS: f64 = 0.25;

/// A bucket of drains. It holds at least one, so that a proxy with few connections can drain one now and then.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TokenBucket {
    tokens: f64,
    filled: Time,
}

impl TokenBucket {
    /// An empty bucket.
    pub fn new(now: Time) -> Self {
        Self { tokens: 0.0, filled: now }
    }

    /// Adds what has come in since the last time, at `rate` per second.
    pub fn fill(&mut self, now: Time, rate: f64) {
        let incoming = rate * now.since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + incoming).min((rate * BURST_SECONDS).max(1.0));
        self.filled = self.filled.max(now);
    }

    /// How many drains it allows now.
    pub fn whole(&self) -> u64 {
        self.tokens as u64
    }

    /// Takes out what [`TokenBucket::whole`] allowed, or less.
    pub fn take(&mut self, drains: u64) {
        self.tokens = (self.tokens - drains as f64).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const START: Time = Time::from_nanoseconds(0);

    fn after(seconds: f64) -> Time {
        START.plus(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn few_connections_add_up_to_one_drain() {
        let mut bucket = TokenBucket::new(START);
        bucket.fill(after(1.9), 0.5);
        assert_eq!(bucket.whole(), 0);
        bucket.fill(after(2.0), 0.5);
        assert_eq!(bucket.whole(), 1);
        bucket.fill(after(1000.0), 0.5);
        assert_eq!(bucket.whole(), 1);
    }

    #[test]
    fn a_long_calm_saves_no_more_than_a_quarter_of_a_second() {
        let mut bucket = TokenBucket::new(START);
        bucket.fill(after(3600.0), 200.0);
        assert_eq!(bucket.whole(), 50);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = TokenBucket::new(after(10.0));
        bucket.fill(after(5.0), 1.0);
        bucket.fill(after(10.5), 1.0);
        assert_eq!(bucket.whole(), 0);
    }

    proptest! {
        /// Whoever takes all that is allowed, whenever: never more than the rate and one burst in any stretch of time.
        #[test]
        fn no_stretch_of_time_has_more_than_the_rate_and_a_burst(
            rate in 0.1..1000.0_f64, steps in proptest::collection::vec(0.0..2.0_f64, 1..50),
        ) {
            let mut bucket = TokenBucket::new(START);
            let (mut clock, mut taken) = (0.0, 0);
            for step in steps {
                clock += step;
                bucket.fill(after(clock), rate);
                taken += bucket.whole();
                bucket.take(bucket.whole());
                prop_assert!(taken as f64 <= rate * clock + 1e-6);
            }
        }
    }
}
