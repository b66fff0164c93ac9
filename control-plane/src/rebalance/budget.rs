//! How many connections may be told to go per second.

use evenkeel_filter_core::Time;

/// A token bucket that holds what one interval allows, and one connection. Parts of a connection are kept for the next
/// interval.
#[derive(Debug, Default)]
pub struct Budget {
    left: f64,
    at: Option<Time>,
}

impl Budget {
    /// What may go now, when `per_second` may go per second and `at_once` at most.
    pub fn refill(&mut self, now: Time, per_second: f64, at_once: f64) -> f64 {
        // One more than can be spent at once, or the part of a connection that is left over would be lost.
        let most = at_once + 1.0;
        let earned = self.at.map_or(most, |at| now.since(at).as_secs_f64() * per_second);
        self.left = (self.left + earned).min(most);
        self.at = Some(now);
        self.left
    }

    /// So many were told to go.
    pub fn spend(&mut self, connections: f64) {
        self.left -= connections;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_time_it_is_never_exceeded_and_always_used() {
        let mut budget = Budget::default();
        let mut spent = 0.0;
        for step in 0..100_u64 {
            let allowed = budget.refill(Time::from_nanoseconds(step * 1_000_000_000), 0.3, 0.3).floor();
            budget.spend(allowed);
            spent += allowed;
        }
        assert!((29.0..=31.0).contains(&spent), "{spent}");
    }

    #[test]
    fn what_was_not_used_for_long_is_not_spent_at_once() {
        let mut budget = Budget::default();
        budget.refill(Time::from_nanoseconds(0), 10.0, 10.0);
        assert!(budget.refill(Time::from_nanoseconds(3_600_000_000_000), 10.0, 10.0) <= 11.0);
    }
}
