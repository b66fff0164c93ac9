//! How uneven a group is.

use super::Situation;
use crate::rebalance::law::{self, Goal};

/// A group measured by the law. Lists are in the order of the members.
#[derive(Clone, Debug, Default)]
pub struct Assessment {
    /// All connections, those on their way included.
    pub total: f64,
    /// What each member should have.
    pub shares: Vec<f64>,
    /// The part of new connections that lands with each.
    pub landing: Vec<f64>,
    /// What each will have when those on their way have landed.
    pub expected: Vec<f64>,
    /// What of it is above the share and its tolerance.
    pub excess: Vec<f64>,
    /// The largest expected load in terms of its share.
    pub imbalance: f64,
    /// Whether all are within their bounds.
    pub balanced: bool,
}

impl Assessment {
    /// Measures a group. Without a forecast new connections land evenly.
    pub fn new(goal: &Goal, situation: &Situation, landing: Option<Vec<f64>>) -> Self {
        let landing = landing.unwrap_or_else(|| situation.blind());
        let expected = law::expected(&situation.live(), situation.returning, &landing);
        let total = expected.iter().sum();
        let shares = law::shares(total, &situation.weights());
        let excess = expected.iter().zip(&shares).map(|(expected, share)| (expected - goal.most(*share)).max(0.0));
        Self {
            total,
            excess: excess.collect(),
            imbalance: law::imbalance(&expected, &shares),
            balanced: goal.balanced(&expected, &shares),
            shares,
            landing,
            expected,
        }
    }

    /// What is wrong, in words.
    pub fn words(&self) -> String {
        let excess: f64 = self.excess.iter().sum();
        let missing: f64 = law::missing(&self.expected, &self.shares).iter().sum();
        format!(
            "{:.0} of {:.0} connections are too many where they are, {missing:.0} missing elsewhere",
            excess, self.total
        )
    }
}
