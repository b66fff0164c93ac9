//! The section `rebalance` as operators write it: in the file with policies and in a `ConnectionPolicy`.
//!
//! ```yaml
//! mode: enforce             # or observe: compute and show everything, close nothing
//! paused: false
//! tolerance: 0.10           # above 0, up to 1: how far above its share a member may be
//! minShare: 0.5             # 0 to 1: the part of its share that a member has at least
//! maxRate: 0.2              # above 0, up to 1: the part of the connections that is closed per second at most
//! settle: 10s               # up to 1h: how long membership stands still before connections move
//! warmup: 0s                # up to 24h: over which the weight of a new pod rises
//! signal: connections       # or requests
//! ```

mod number;

use super::{Mode, Policy};
use evenkeel_filter_core::Signal;
use evenkeel_filter_core::settings::MaxRate;
use evenkeel_proto::rebalance as proto;
pub use number::Period;
use number::{MinShare, Tolerance};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the group is brought to, as a part of the tolerance: a little below it, so that chance does not lift it above.
pub const AIM: f64 = 0.9;

/// How the connections of the target are kept even. What is left out is as in the defaults.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Section {
    /// Whether connections move, or it is only shown what would be done. Default: enforce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Stops everything at once.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// How far above its share a pod may be, as a part of it. Default: 0.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Tolerance>,
    /// The part of its share that a pod has at least. Default: 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_share: Option<MinShare>,
    /// The part of all connections that is closed per second at most. Default: 0.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<MaxRate>,
    /// How long pods and weights stand still before connections move for their sake, up to 1h. Default: 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<Period<0, 3_600>>,
    /// The time over which the weight of a new pod rises to the full one, up to 24h. Default: 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Period<0, 86_400>>,
    /// What should be even. Default: connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
}

impl From<&Section> for Policy {
    fn from(section: &Section) -> Self {
        let default = Self::default();
        let tolerance = section.tolerance.map(Tolerance::get);
        Self {
            mode: section.mode.unwrap_or(default.mode),
            paused: section.paused,
            aim: tolerance.map_or(default.aim, |tolerance| AIM * tolerance),
            tolerance: tolerance.unwrap_or(default.tolerance),
            min_share: section.min_share.map_or(default.min_share, MinShare::get),
            max_rate: section.max_rate.map_or(default.max_rate, MaxRate::get),
            settle: section.settle.map_or(default.settle, Period::get),
            warmup: section.warmup.map_or(default.warmup, Period::get),
            signal: section.signal.map_or(default.signal, reported),
        }
    }
}

fn reported(signal: Signal) -> proto::Signal {
    match signal {
        Signal::Connections => proto::Signal::Connections,
        Signal::Requests => proto::Signal::Requests,
    }
}
