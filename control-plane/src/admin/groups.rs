//! `/v1/groups`: the groups whose connections are kept even.

use crate::rebalance::service::Rebalancer;
use crate::rebalance::status::GroupStatus;
use serde::{Deserialize, Serialize};

/// The parameters of the request. Without any, all groups are told of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// Only the group of this NAMESPACE/NAME.
    pub group: Option<String>,
}

/// The groups, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupList {
    /// Whether this replica leads. One that does not knows of no groups.
    pub leads: bool,
    /// Those that were asked for.
    pub groups: Vec<GroupStatus>,
}

impl GroupList {
    /// Those of the groups that the query asks for.
    pub fn of(rebalancer: &Rebalancer, query: &Query) -> Self {
        let mut groups = rebalancer.statuses();
        groups.retain(|status| query.group.as_ref().is_none_or(|group| *group == status.group));
        Self { leads: rebalancer.leads(), groups }
    }
}
