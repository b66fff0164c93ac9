//! For log lines that a client could otherwise cause without end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Says yes at most once in a while.
#[derive(Debug, Default)]
pub(super) struct Occasionally(Mutex<Option<Instant>>);

impl Occasionally {
    const PAUSE: Duration = Duration::from_secs(10);

    /// Whether it is time again.
    pub(super) fn due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| now >= last + Self::PAUSE);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_first_and_then_once_in_a_while() {
        let (occasionally, start) = (Occasionally::default(), Instant::now());
        let due: Vec<bool> = (0..21).map(|second| occasionally.due(start + Duration::from_secs(second))).collect();
        assert_eq!(due.iter().filter(|due| **due).count(), 3);
        assert!(due[0] && due[10] && due[20]);
    }
}
