//! When to publish: soon after a single change, seldom in a burst of them.

use std::time::{Duration, Instant};

/// So long without another change, and what there is gets published.
const QUIET: Duration = Duration::from_millis(10);
/// The longest that a change waits in a burst that does not end.
const AT_MOST: Duration = Duration::from_millis(500);

/// Takes changes that come shortly after one another for one.
#[derive(Debug, Default)]
pub struct Coalesce {
    waiting: Option<Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    first: Instant,
    last: Instant,
}

impl Coalesce {
    /// Something changed.
    pub fn changed(&mut self, now: Instant) {
        let first = self.waiting.map_or(now, |waiting| waiting.first);
        self.waiting = Some(Waiting { first, last: now });
    }

    /// When to publish; `None` while nothing changes.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.map(|Waiting { first, last }| (last + QUIET).min(first + AT_MOST))
    }

    /// All changes so far are published.
    pub fn published(&mut self) {
        self.waiting = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn nothing_is_due_before_something_changes() {
        assert_eq!(Coalesce::default().due(), None);
    }

    #[test]
    fn a_single_change_leaves_within_20_milliseconds() {
        let now = Instant::now();
        let mut coalesce = Coalesce::default();
        coalesce.changed(now);
        assert!(coalesce.due().unwrap() <= now + milliseconds(20));
        coalesce.published();
        assert_eq!(coalesce.due(), None);
    }

    #[test]
    fn a_burst_of_1000_changes_is_a_few_publishes_and_none_waits_longer_than_half_a_second() {
        let start = Instant::now();
        let mut coalesce = Coalesce::default();
        let mut publishes = 0;
        for step in 0..1000 {
            let now = start + milliseconds(2 * step);
            if coalesce.due().is_some_and(|due| due <= now) {
                coalesce.published();
                publishes += 1;
            }
            coalesce.changed(now);
            assert!(coalesce.due().unwrap() <= now + AT_MOST);
        }
        assert_eq!(publishes, 3);
    }
}
