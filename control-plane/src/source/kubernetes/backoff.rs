//! How long to wait before a request is made again.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(200);
/// Also how much longer than the API server this process may be away.
const LONGEST: Duration = Duration::from_secs(5);
/// After so long without a failure the next one is the first again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(20);

/// Waits that double with each failure.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    last: Option<Instant>,
}

impl Backoff {
    /// It failed again. Says how long to wait: `chance`, from 0 to 1, spreads over half of the time those who failed
    /// together.
    pub fn failed(&mut self, now: Instant, chance: f64) -> Duration {
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > FORGIVEN_AFTER) {
            self.failures = 0;
        }
        self.last = Some(now);
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        wait.mul_f64(1.0 - 0.5 * chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..100).map(|_| backoff.failed(now, 0.0)).collect();
        assert_eq!(waits[..3], [FIRST, 2 * FIRST, 4 * FIRST]);
        assert_eq!(waits[99], LONGEST);
    }

    #[test]
    fn after_a_while_without_failures_the_first_wait_is_short_again() {
        let start = Instant::now();
        let mut backoff = Backoff::default();
        (0..10).for_each(|_| assert!(backoff.failed(start, 0.0) >= FIRST));
        assert_eq!(backoff.failed(start + FORGIVEN_AFTER + FIRST, 0.0), FIRST);
    }

    #[test]
    fn those_who_failed_together_come_back_over_half_of_the_time() {
        assert_eq!(Backoff::default().failed(Instant::now(), 1.0), FIRST / 2);
    }
}
