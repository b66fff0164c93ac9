//! Connections that were told to go and are not yet back.

use evenkeel_filter_core::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// A client that has not come back by then is not waited for.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

/// An account of our own drains: what the members report as drained goes in, what they report to have come goes out.
///
/// It may be overdrawn by what is allowed and not yet reported as drained: a connection can be back, at a member that
/// reports early, before the member that closed it has said so.
#[derive(Debug, Default)]
pub struct Returning {
    drained: VecDeque<(Time, f64)>,
    balance: f64,
}

impl Returning {
    /// A member reports that it has begun to drain `load` more on our behalf.
    pub fn drained(&mut self, now: Time, load: f64) {
        if load > 0.0 {
            self.drained.push_back((now, load));
            self.balance += load;
        }
    }

    /// So much more has come to a member than has gone. Less than zero when connections ended by themselves: their
    /// clients are as likely on their way back.
    pub fn arrived(&mut self, load: f64) {
        self.balance -= load;
    }

    /// What is on its way, or will be once members have drained the `outstanding` load that they are allowed.
    pub fn expected(&mut self, now: Time, outstanding: f64) -> f64 {
        self.drained.retain(|(when, _)| now < when.plus(FORGOTTEN_AFTER));
        let remembered: f64 = self.drained.iter().map(|(_, load)| load).sum();
        self.balance = self.balance.clamp(-outstanding, remembered);
        self.balance + outstanding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_nanoseconds(seconds * 1_000_000_000)
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn what_was_drained_is_returning_until_it_has_come() {
        let mut returning = Returning::default();
        returning.drained(at(0), 10.0);
        assert!(close(returning.expected(at(1), 0.0), 10.0));
        returning.arrived(7.0);
        assert!(close(returning.expected(at(1), 0.0), 3.0));
        returning.arrived(100.0);
        assert!(close(returning.expected(at(1), 0.0), 0.0), "connections of others do not count for later");
        returning.drained(at(2), 5.0);
        assert!(close(returning.expected(at(2), 0.0), 5.0));
    }

    #[test]
    fn it_is_forgotten_after_five_seconds() {
        let mut returning = Returning::default();
        returning.drained(at(0), 10.0);
        returning.drained(at(3), 4.0);
        assert!(close(returning.expected(at(4), 0.0), 14.0));
        assert!(close(returning.expected(at(5), 0.0), 4.0));
        assert!(close(returning.expected(at(8), 0.0), 0.0));
    }

    #[test]
    fn it_may_be_back_before_its_drain_is_reported() {
        let mut returning = Returning::default();
        returning.arrived(1.0);
        assert!(close(returning.expected(at(0), 4.0), 3.0), "one of four that may go has gone and is back");
        returning.drained(at(1), 4.0);
        assert!(close(returning.expected(at(1), 0.0), 3.0));
    }

    #[test]
    fn endings_in_between_cannot_make_more_return_than_was_drained() {
        let mut returning = Returning::default();
        returning.drained(at(0), 2.0);
        returning.arrived(-50.0);
        assert!(close(returning.expected(at(1), 0.0), 2.0));
    }
}
