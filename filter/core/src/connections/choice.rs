//! Which connections go when some may.

use std::cmp::Reverse;

use super::connection::{Connection, State};
use super::{ConnectionId, Connections};
use crate::time::Time;

/// How many connections may be told to go now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowance {
    /// In all.
    pub drains: u64,
    /// Of these, to even out the group.
    pub rebalance: u64,
    /// What those may have of requests per second together, in thousandths; they are then chosen by their rates. None:
    /// they are chosen by age.
    pub request_rate: Option<u64>,
}

/// The connections that go, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Beyond a limit that was lowered.
    pub overdue: Vec<ConnectionId>,
    /// To even out the group.
    pub rebalance: Vec<ConnectionId>,
    /// What the latter have of requests per second together, in thousandths; 0 when they were chosen by age.
    pub request_rate: u64,
}

impl Choice {
    /// All of them.
    pub fn ids(&self) -> impl Iterator<Item = ConnectionId> {
        self.overdue.iter().chain(&self.rebalance).copied()
    }

    /// How many go.
    pub fn len(&self) -> u64 {
        (self.overdue.len() + self.rebalance.len()) as u64
    }

    /// Whether none goes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

type Entry<'a> = (&'a ConnectionId, &'a Connection);

impl Connections {
    /// Who goes under this allowance: overdue connections first, and the oldest first.
    pub fn choose(&self, allowance: &Allowance) -> Choice {
        let overdue = self.oldest(allowance.drains.min(self.overdue), |state| matches!(state, State::Overdue(_)));
        let left = allowance.drains - overdue.len() as u64;
        let most = allowance.rebalance.min(left);
        let (rebalance, request_rate) = match allowance.request_rate {
            None => (self.oldest(most, |state| state == State::Live), 0),
            Some(request_rate) => self.closest(most, request_rate),
        };
        Choice { overdue, rebalance, request_rate }
    }

    fn oldest(&self, most: u64, is_candidate: impl Fn(State) -> bool) -> Vec<ConnectionId> {
        if most == 0 {
            return Vec::new();
        }
        let candidates = self.table.iter().filter(|(_, connection)| is_candidate(connection.state));
        let mut candidates: Vec<_> = candidates.map(by_age).collect();
        candidates.sort_unstable();
        candidates.into_iter().take(most as usize).map(|(_, id)| id).collect()
    }

    /// At most so many whose rates add up closest to `request_rate` without exceeding it: what fits, the largest first.
    /// That needs the fewest connections, and leaves less of the rate than the smallest one that was left out has. Whoever
    /// has just come has hardly shown a rate yet and is left out.
    fn closest(&self, most: u64, request_rate: u64) -> (Vec<ConnectionId>, u64) {
        let mut chosen = Vec::new();
        let mut left = request_rate;
        if most == 0 || request_rate == 0 {
            return (chosen, 0);
        }
        for (Reverse(rate), _, id) in self.by_request_rate() {
            if rate <= left && (chosen.len() as u64) < most {
                chosen.push(id);
                left -= rate;
            }
        }
        (chosen, request_rate - left)
    }

    /// Those that are known to have requests; of equal rates the oldest first.
    fn by_request_rate(&self) -> Vec<(Reverse<u64>, Time, ConnectionId)> {
        let is_candidate =
            |connection: &Connection| connection.state == State::Live && connection.request_rate.is_known();
        let live = self.table.iter().filter(|(_, connection)| is_candidate(connection));
        let rated =
            live.map(|(id, connection)| (Reverse(connection.request_rate.thousandths()), connection.opened, *id));
        let mut candidates: Vec<_> = rated.filter(|(rate, _, _)| rate.0 > 0).collect();
        candidates.sort_unstable();
        candidates
    }
}

fn by_age((id, connection): Entry<'_>) -> (Time, ConnectionId) {
    (connection.opened, *id)
}

#[cfg(test)]
mod tests;
