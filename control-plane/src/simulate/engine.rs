//! What happens next.

use evenkeel_filter_core::Time;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Things to come, in the order of their times; those of the same time in the order in which they were planned.
#[derive(Debug)]
pub struct Agenda<T> {
    planned: BinaryHeap<Planned<T>>,
    number: u64,
}

#[derive(Debug)]
struct Planned<T> {
    at: Time,
    number: u64,
    what: T,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { planned: BinaryHeap::new(), number: 0 }
    }
}

impl<T> Agenda<T> {
    /// Plans something.
    pub fn plan(&mut self, at: Time, what: T) {
        self.planned.push(Planned { at, number: self.number, what });
        self.number += 1;
    }

    /// What comes next, until `end`.
    pub fn next(&mut self, end: Time) -> Option<(Time, T)> {
        if self.planned.peek()?.at > end {
            return None;
        }
        self.planned.pop().map(|planned| (planned.at, planned.what))
    }
}

impl<T> Ord for Planned<T> {
    /// The heap has the greatest first: the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<T> PartialOrd for Planned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Planned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Planned<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_earlier_comes_first_and_of_the_same_time_what_was_planned_first() {
        let mut agenda = Agenda::default();
        let at = Time::from_nanoseconds;
        for (time, what) in [(5, "c"), (1, "a"), (5, "d"), (2, "b"), (9, "later")] {
            agenda.plan(at(time), what);
        }
        let order: Vec<_> = std::iter::from_fn(|| agenda.next(at(5))).map(|(_, what)| what).collect();
        assert_eq!(order, ["a", "b", "c", "d"]);
    }
}
