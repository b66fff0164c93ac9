//! What operators want of the balance.

use crate::model::ServiceName;
use evenkeel_proto::rebalance::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Whether the control plane acts or only says what it would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// It lets connections drain.
    #[default]
    Enforce,
    /// It computes and shows everything and drains nothing.
    Observe,
}

/// The policy of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Whether it is enforced.
    pub mode: Mode,
    /// Stops the group at once: what was allowed and not yet done is taken back.
    pub paused: bool,
    /// How far above its share a member may be, as a share of it; above 0.
    pub tolerance: f64,
    /// The part of its share that a member has at least, 0 to 1.
    pub min_share: f64,
    /// How far above their shares members are brought down when connections move; below `tolerance`.
    pub aim: f64,
    /// The part of all connections that may be drained per second; above 0 and up to 1.
    pub max_rate: f64,
    /// How long membership and weights must have stood still before connections move for their sake.
    pub settle: Duration,
    /// The time over which the weight of a new member rises to the full one; zero for at once.
    pub warmup: Duration,
    /// What a load is. Requests count only when all proxies of the group report them.
    pub signal: Signal,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            paused: false,
            tolerance: 0.10,
            min_share: 0.5,
            aim: 0.09,
            max_rate: 0.2,
            settle: Duration::from_secs(10),
            warmup: Duration::ZERO,
            signal: Signal::Connections,
        }
    }
}

/// The policies of all groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    /// Stops all groups at once.
    pub paused: bool,
    /// The policies of single groups.
    pub by_group: BTreeMap<ServiceName, Policy>,
    /// That of all others.
    pub default: Policy,
}

impl Policies {
    /// The policy of a group.
    pub fn of(&self, group: &ServiceName) -> Policy {
        let policy = self.by_group.get(group).unwrap_or(&self.default).clone();
        Policy { paused: policy.paused || self.paused, ..policy }
    }

    /// The same, stopped if `paused` says so.
    #[must_use]
    pub fn or_paused(self, paused: bool) -> Self {
        Self { paused: self.paused || paused, ..self }
    }
}
