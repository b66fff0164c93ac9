//! The file as YAML: its fields, and where in the file they are.

use crate::rebalance;
use evenkeel_proto::rebalance as proto;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Document {
    #[serde(default)]
    pub paused: bool,
    #[serde(default)]
    pub policies: Vec<Entry>,
}

/// The policy of one group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    pub namespace: Spanned<String>,
    pub service: Spanned<String>,
    #[serde(default)]
    pub rebalance: Rebalance,
}

/// What of the defaults is otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Rebalance {
    pub mode: Option<Mode>,
    pub paused: bool,
    pub tolerance: Option<Spanned<f64>>,
    pub min_share: Option<Spanned<f64>>,
    pub max_rate: Option<Spanned<f64>>,
    pub settle: Option<Spanned<String>>,
    pub warmup: Option<Spanned<String>>,
    pub signal: Option<Signal>,
}

/// Whether the policy is enforced.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Enforce,
    Observe,
}

/// What the distribution is measured by.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    Connections,
    Requests,
}

impl From<Mode> for rebalance::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforce,
            Mode::Observe => Self::Observe,
        }
    }
}

impl From<Signal> for proto::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Connections => Self::Connections,
            Signal::Requests => Self::Requests,
        }
    }
}
