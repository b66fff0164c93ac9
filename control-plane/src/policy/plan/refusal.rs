//! Why a policy does not hold.

use crate::model::ServiceName;
use crate::policy::conflicts::Overlap;
use std::fmt;

/// Why a policy does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its Service does not exist.
    TargetNotFound(ServiceName),
    /// An older policy has its pods.
    Conflicted {
        /// The name of that policy.
        other: String,
        /// Which pods.
        overlap: Overlap,
    },
    /// It makes no sense, for this reason.
    Invalid(String),
}

impl Refusal {
    /// For programs, in the conditions of the status.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TargetNotFound(_) => "TargetNotFound",
            Self::Conflicted { .. } => "Conflicted",
            Self::Invalid(_) => "Invalid",
        }
    }

    /// Whether what the policy said before holds on: a mistake must not drain connections.
    pub fn keeps_what_was_applied(&self) -> bool {
        !matches!(self, Self::Conflicted { .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TargetNotFound(service) => {
                write!(
                    formatter,
                    "spec.targetRefs[0].name: there is no Service {service}: create it, or correct the name"
                )
            }
            Self::Conflicted { other, overlap } => {
                write!(formatter, "ConnectionPolicy {other} is older and holds: {overlap}; delete one of the two")
            }
            Self::Invalid(problem) => formatter.write_str(problem),
        }
    }
}
