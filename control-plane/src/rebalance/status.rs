//! What operators see of a group.

use super::policy::Mode;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// What a group is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Even, or uneven by no more than chance. Nothing is closed.
    Balanced,
    /// The members or their weights have just changed, or are still being learned.
    Settling,
    /// Connections move.
    Rebalancing,
    /// Nothing is closed because the policy only observes.
    Observing,
    /// Connections were closed and that did not help.
    Stuck,
    /// Too few of the members report.
    Incomplete,
    /// An operator has stopped it.
    Paused,
}

impl State {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Balanced,
        Self::Settling,
        Self::Rebalancing,
        Self::Observing,
        Self::Stuck,
        Self::Incomplete,
        Self::Paused,
    ];
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the debug form itself, which ignores the width that tables ask for.
        formatter.pad(&format!("{self:?}"))
    }
}

/// A group at one moment. Loads are in connections; when the group is measured by requests, in terms of the group's mean
/// request rate per connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// NAMESPACE/NAME of the Service.
    pub group: String,
    /// What it is doing.
    pub state: State,
    /// Why, in words.
    pub reason: String,
    /// Whether it is enforced.
    pub mode: Mode,
    /// The ready endpoints, by address.
    pub members: Vec<MemberStatus>,
    /// Connections that are open and not draining, of all members.
    pub live: u64,
    /// Connections that are draining, of all members.
    pub draining: u64,
    /// The largest expected load in terms of its share: 1 is even.
    pub imbalance: f64,
    /// Connections above the members' shares and their tolerance.
    pub excess: f64,
    /// Connections that the members have begun to drain because they were allowed to, as this process has heard.
    pub closes: u64,
    /// Seconds in this state.
    pub since: f64,
    /// Seconds between the reports that are asked for now.
    pub interval: f64,
    /// Connections that were drained and are not yet back.
    pub returning: f64,
}

/// A ready endpoint of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberStatus {
    /// Its address.
    pub address: IpAddr,
    /// What its proxy calls itself; empty while it has not reported.
    pub pod: String,
    /// Connections that are open and not draining.
    pub live: u64,
    /// Connections that are draining.
    pub draining: u64,
    /// The load that it should have; absent while it does not report.
    pub share: Option<f64>,
    /// Its load when those connections that are on their way have landed.
    pub expected: Option<f64>,
    /// What of it is above the share and its tolerance.
    pub excess: Option<f64>,
    /// The part of all new connections that is thought to land here.
    pub landing: Option<f64>,
    /// Its weight, which rises while it warms up.
    pub weight: f64,
    /// The number of reports that were taken from it.
    pub reports: u64,
    /// Seconds since the last one; absent if there was none.
    pub last_report_seconds: Option<f64>,
}
