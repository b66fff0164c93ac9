//! What counts as even: the law of the control plane, with the usual policy.

use evenkeel::rebalance::law::{self, Goal};
use evenkeel::rebalance::{GroupStatus, Policy, State};

/// Nobody has more than 1.1 times its share, or one more than it, and nobody less than half of it.
pub fn is_even(connections: &[u64]) -> bool {
    let live: Vec<_> = connections.iter().map(|live| *live as f64).collect();
    let shares = law::shares(live.iter().sum(), &vec![1.0; live.len()]);
    Goal::of(&Policy::default()).balanced(&live, &shares)
}

/// Whether the group has so many members, and all of them report.
pub fn is_complete(group: &GroupStatus, members: usize) -> bool {
    group.members.len() == members && group.members.iter().all(|member| member.share.is_some())
}

/// Whether the group has come to rest with all members in it, and what they report is even.
pub fn is_balanced(group: &GroupStatus, members: usize) -> bool {
    let live: Vec<_> = group.members.iter().map(|member| member.live).collect();
    group.state == State::Balanced && is_complete(group, members) && is_even(&live)
}
