//! When to read the file: not while somebody writes it.

use std::time::{Duration, Instant};

/// After a change that leaves the file complete. Long enough to take several renames for one.
const AFTER_COMPLETE: Duration = Duration::from_millis(50);
/// After a change in the middle of writing, when nothing says that the writer has finished.
const AFTER_WRITING: Duration = Duration::from_millis(500);
/// A file that changes all the time is read nevertheless.
const AT_MOST: Duration = Duration::from_secs(5);
/// A file that is wrong or missing may be right in a moment: a writer that starts with an empty file, or removes it
/// before the new one is there.
const RETRY_AFTER: Duration = Duration::from_millis(150);
const RETRIES: u32 = 3;

/// What happened to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// It was written to and may be written to again.
    Writing,
    /// It is complete: closed after writing, renamed into place, removed.
    Complete,
}

/// Decides when the file is read, and when a problem with it is worth reporting.
#[derive(Debug, Default)]
pub struct Settle {
    first_touch: Option<Instant>,
    due: Option<Instant>,
    failures: u32,
}

impl Settle {
    /// Something happened to the file.
    pub fn touched(&mut self, touch: Touch, now: Instant) {
        let wait = match touch {
            Touch::Complete => AFTER_COMPLETE,
            Touch::Writing => AFTER_WRITING,
        };
        let first = *self.first_touch.get_or_insert(now);
        self.due = Some((now + wait).min(first + AT_MOST));
        self.failures = 0;
    }

    /// When to read; `None` while nothing happens.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The file is being read.
    pub fn reading(&mut self) {
        self.first_touch = None;
        self.due = None;
    }

    /// What was read is right.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// What was read is wrong. Says whether that is to be reported; if not, the file is due again.
    pub fn failed(&mut self, now: Instant) -> bool {
        self.failures += 1;
        if self.failures > RETRIES {
            return true;
        }
        self.due = Some(now + RETRY_AFTER);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn nothing_is_due_before_something_happens() {
        assert_eq!(Settle::default().due(), None);
    }

    #[test]
    fn a_complete_file_is_read_soon_and_one_that_is_written_later() {
        let now = Instant::now();
        let mut settle = Settle::default();
        settle.touched(Touch::Writing, now);
        assert_eq!(settle.due(), Some(now + AFTER_WRITING));
        settle.touched(Touch::Complete, now + milliseconds(10));
        assert_eq!(settle.due(), Some(now + milliseconds(10) + AFTER_COMPLETE));
    }

    #[test]
    fn a_file_that_never_rests_is_read_nevertheless() {
        let start = Instant::now();
        let mut settle = Settle::default();
        (0..100).for_each(|step| settle.touched(Touch::Writing, start + milliseconds(100 * step)));
        assert_eq!(settle.due(), Some(start + AT_MOST));
    }

    #[test]
    fn a_wrong_file_is_tried_again_before_it_is_reported() {
        let now = Instant::now();
        let mut settle = Settle::default();
        for _ in 0..RETRIES {
            settle.reading();
            assert!(!settle.failed(now));
            assert_eq!(settle.due(), Some(now + RETRY_AFTER));
        }
        settle.reading();
        assert!(settle.failed(now));
        assert_eq!(settle.due(), None);
    }

    #[test]
    fn a_change_starts_the_attempts_anew() {
        let now = Instant::now();
        let mut settle = Settle::default();
        (0..RETRIES).for_each(|_| assert!(!settle.failed(now)));
        settle.touched(Touch::Complete, now);
        assert!(!settle.failed(now));
    }
}
