//! What is said of a policy: its status subresource.
//!
//! Conditions are as Kubernetes' API conventions want them: a type, whether it holds, a reason for programs, a message for
//! people, and since when that is so.

mod facts;
#[cfg(test)]
mod tests;

pub use facts::Facts;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Whether the policy holds: its target exists, and no older policy has it.
pub const ACCEPTED: &str = "Accepted";
/// Whether Istio has been told.
pub const PROGRAMMED: &str = "Programmed";
/// Whether the connections are even.
pub const BALANCED: &str = "Balanced";

/// Why it is not [`PROGRAMMED`]: the API server has refused an object.
pub const APPLY_FAILED: &str = "ApplyFailed";
/// Why it is not [`PROGRAMMED`]: the control plane cannot have the endpoints of a destination, or its connections cannot be
/// capped.
pub const DESTINATION_DECLINED: &str = "DestinationDeclined";

/// What is said of a policy.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionPolicyStatus {
    /// The generation of the policy that this is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// In a word: what stands in the way, else what the balance is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The largest expected load in terms of its share: 1 is even.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imbalance: Option<f64>,
    /// Connections that were closed to move them, since this leader leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes: Option<i64>,
    /// `Accepted`, `Programmed`, and with a section `rebalance` also `Balanced`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

impl ConnectionPolicyStatus {
    /// The condition of this type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == kind)
    }

    /// Whether that condition holds.
    pub fn is(&self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|condition| condition.status == "True")
    }

    /// Whether the two differ in more than numbers and words.
    pub fn differs_in_state(&self, other: &Self) -> bool {
        let state = |status: &Self| {
            let states: Vec<_> = status.conditions.iter().map(state).collect();
            (status.observed_generation, status.state.clone(), states)
        };
        state(self) != state(other)
    }

    /// A condition that has not changed keeps the time since when it is so.
    fn since(mut self, before: Option<&Self>) -> Self {
        for condition in &mut self.conditions {
            let before = before.and_then(|status| status.condition(&condition.type_));
            if let Some(before) = before.filter(|before| before.status == condition.status) {
                condition.last_transition_time = before.last_transition_time.clone();
            }
        }
        self
    }
}

/// Type, status and reason.
fn state(condition: &Condition) -> [String; 3] {
    [&condition.type_, &condition.status, &condition.reason].map(Clone::clone)
}

/// What a condition says of one generation of a policy.
fn condition(kind: &str, holds: Option<bool>, (reason, message): (&str, &str), at: (Option<i64>, &Time)) -> Condition {
    let status = holds.map_or("Unknown", |holds| if holds { "True" } else { "False" });
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: within(message, MESSAGE),
        observed_generation: at.0,
        last_transition_time: at.1.clone(),
    }
}

/// What the API allows a message of a condition to be, in bytes.
const MESSAGE: usize = 32_768;

/// The beginning of a text.
pub(super) fn within(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// `metav1.Condition`, one of each type: <https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1#Condition>.
fn conditions_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {"type": "string", "maxLength": 316},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "reason": {"type": "string", "minLength": 1, "maxLength": 1024},
                "message": {"type": "string", "maxLength": 32768},
            },
        },
    })
}
