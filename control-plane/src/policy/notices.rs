//! What operators should hear of at once: Kubernetes Events, made of what changes in a status.

use super::status::{
    ACCEPTED, APPLY_FAILED, BALANCED, ConnectionPolicyStatus, DESTINATION_DECLINED, PROGRAMMED, within,
};
use crate::rebalance::State;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether somebody should do something.
    pub is_warning: bool,
    /// In one word, for programs.
    pub reason: String,
    /// What this program was doing.
    pub action: &'static str,
    /// In words.
    pub note: String,
}

/// What the API allows a note to be, in bytes.
const NOTE: usize = 1024;

impl Notice {
    fn new(is_warning: bool, action: &'static str, condition: &Condition) -> Self {
        let note = within(&condition.message, NOTE);
        Self { is_warning, reason: condition.reason.clone(), action, note }
    }

    /// Somebody has changed an object that the policy wants otherwise.
    pub fn repaired(object: &str) -> Self {
        let note = format!("{object} was changed by somebody else, and is as the policy wants it again");
        Self { is_warning: false, reason: "Repaired".to_owned(), action: "Apply", note }
    }
}

/// What is new in a status, when it was `before` until now.
pub fn notices(before: Option<&ConnectionPolicyStatus>, now: &ConnectionPolicyStatus) -> Vec<Notice> {
    let news = |kind: &str| {
        let condition = now.condition(kind)?;
        let before = before.and_then(|status| status.condition(kind));
        let same = |before: &Condition| before.status == condition.status && before.reason == condition.reason;
        (!before.is_some_and(same)).then_some(condition)
    };
    let refused = news(ACCEPTED).filter(|condition| condition.status == "False");
    let programmed = news(PROGRAMMED).filter(|condition| condition.status == "True" || is_failure(condition));
    let stuck = news(BALANCED).filter(|condition| condition.reason == State::Stuck.to_string());
    [
        refused.map(|condition| Notice::new(true, "Accept", condition)),
        programmed.map(|condition| Notice::new(condition.status != "True", "Apply", condition)),
        stuck.map(|condition| Notice::new(true, "Rebalance", condition)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// That the policy was refused is told already.
fn is_failure(condition: &Condition) -> bool {
    [APPLY_FAILED, DESTINATION_DECLINED].contains(&condition.reason.as_str())
}
