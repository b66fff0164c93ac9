//! How many requests per second a connection gets, from a count that is kept anyway: a request costs nothing more.

use std::time::Duration;

use crate::time::Time;

/// What happened this long ago has lost all but 37 % of its weight.
const MEMORY: Duration = Duration::from_secs(5);

/// A life counts as no shorter than this: the first request of a connection is no thousand per second.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// An exponentially decaying mean. A connection younger than [`MEMORY`] has the mean of its life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RequestRate {
    opened: Time,
    measured: Time,
    counted: u32,
    per_second: f64,
}

impl RequestRate {
    pub(super) fn new(opened: Time) -> Self {
        Self { opened, measured: opened, counted: 0, per_second: 0.0 }
    }

    /// Takes notice that `requests` have come in all by `now`.
    pub(super) fn measure(&mut self, now: Time, requests: u32) {
        let (age, elapsed) = (now.since(self.opened), now.since(self.measured));
        if elapsed.is_zero() {
            return;
        }
        if age <= MEMORY {
            self.per_second = f64::from(requests) / age.max(SHORTEST_LIFE).as_secs_f64();
        } else {
            let latest = f64::from(requests.saturating_sub(self.counted)) / elapsed.as_secs_f64();
            self.per_second += weight(elapsed, age) * (latest - self.per_second);
        }
        (self.measured, self.counted) = (now, requests);
    }

    /// Whether it says something of the connection: what has just begun looks light, whatever is to come.
    pub(super) fn is_known(&self) -> bool {
        self.measured.since(self.opened) >= SHORTEST_LIFE
    }

    /// In thousandths of a request per second.
    pub(super) fn thousandths(&self) -> u64 {
        (self.per_second * 1000.0).round() as u64
    }
}

/// What the latest stretch of a life counts for.
fn weight(elapsed: Duration, age: Duration) -> f64 {
    let remembered = (-elapsed.as_secs_f64() / MEMORY.as_secs_f64()).exp();
    // The whole of it if nothing was measured before.
    (1.0 - remembered).max(elapsed.as_secs_f64() / age.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> Time {
        Time::from_nanoseconds((seconds * 1e9) as u64)
    }

    #[test]
    fn a_young_connection_has_the_mean_of_its_life() {
        let mut rate = RequestRate::new(at(10.0));
        rate.measure(at(10.001), 1);
        assert_eq!(rate.thousandths(), 1_000);
        rate.measure(at(12.0), 10);
        assert_eq!(rate.thousandths(), 5_000);
        rate.measure(at(14.0), 10);
        assert_eq!(rate.thousandths(), 2_500);
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let mut rate = RequestRate::new(at(0.0));
        rate.measure(at(10.0), 1000);
        (11..60).for_each(|second| rate.measure(at(f64::from(second)), 1000));
        assert!(rate.thousandths() < 10, "{rate:?}");
    }

    #[test]
    fn the_same_moment_twice_changes_nothing() {
        let mut rate = RequestRate::new(at(0.0));
        rate.measure(at(0.0), 3);
        rate.measure(at(1.0), 3);
        rate.measure(at(1.0), 300);
        assert_eq!(rate.thousandths(), 3_000);
    }

    proptest! {
        /// However often it is measured, a steady rate is measured as what it is.
        #[test]
        fn a_steady_rate_is_found(per_second in 1..500_u32, steps in proptest::collection::vec(0.05..3.0_f64, 20..60)) {
            let mut rate = RequestRate::new(at(0.0));
            let mut clock = 0.0;
            for step in steps {
                clock += step;
                rate.measure(at(clock), (clock * f64::from(per_second)) as u32);
            }
            let error = rate.thousandths() as f64 / 1000.0 - f64::from(per_second);
            prop_assert!(error.abs() < 20.0_f64.min(0.05 * f64::from(per_second) + 20.0), "{error}");
        }
    }
}
