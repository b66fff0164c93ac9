//! What a status is made of.

use super::{ACCEPTED, APPLY_FAILED, BALANCED, ConnectionPolicyStatus, DESTINATION_DECLINED, PROGRAMMED, condition};
use crate::policy::plan::{DeclinedDestination, Refusal, UncappedDestination, Verdict};
use crate::rebalance::{GroupStatus, State};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What is known of a policy.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The generation that all this is about.
    pub generation: Option<i64>,
    /// Whether it holds.
    pub verdict: &'a Verdict,
    /// Whether the API server has all objects of an accepted policy, or why not.
    pub programmed: Result<(), String>,
    /// Whether its connections are to be kept even.
    pub rebalances: bool,
    /// What the group does; `None` while none of its proxies has reported.
    pub group: Option<&'a GroupStatus>,
    /// Whether that may be only because this replica does not lead for long.
    pub is_new: bool,
}

impl Facts<'_> {
    /// What to say, when it was `before` until now.
    pub fn status(&self, before: Option<&ConnectionPolicyStatus>, now: &Time) -> ConnectionPolicyStatus {
        let at = (self.generation, now);
        let kept = before.filter(|_| self.is_new && self.group.is_none());
        let balanced = kept.and_then(|status| status.condition(BALANCED).cloned()).unwrap_or_else(|| self.balanced(at));
        let balanced = Some(balanced).filter(|_| self.is_balancing());
        let conditions: Vec<_> = [self.accepted(at), self.programmed(at)].into_iter().chain(balanced).collect();
        let group = self.group.filter(|_| self.is_balancing());
        let kept = kept.filter(|_| self.is_balancing());
        let status = ConnectionPolicyStatus {
            observed_generation: self.generation,
            state: Some(in_a_word(&conditions)),
            imbalance: group
                .map_or(kept.and_then(|status| status.imbalance), |group| Some(hundredths(group.imbalance))),
            closes: group.map_or(kept.and_then(|status| status.closes), |group| i64::try_from(group.closes).ok()),
            conditions,
        };
        status.since(before)
    }

    fn is_balancing(&self) -> bool {
        self.rebalances && matches!(self.verdict, Verdict::Accepted { .. })
    }

    fn accepted(&self, at: (Option<i64>, &Time)) -> Condition {
        match self.verdict {
            Verdict::Accepted { service, .. } => {
                let message = format!("it holds for the pods of Service {service}");
                condition(ACCEPTED, Some(true), (self.verdict.reason(), &message), at)
            }
            Verdict::Refused(refusal) => condition(ACCEPTED, Some(false), (refusal.reason(), &refusal.to_string()), at),
        }
    }

    fn programmed(&self, at: (Option<i64>, &Time)) -> Condition {
        let (holds, reason, message) = match (self.verdict, &self.programmed) {
            (Verdict::Refused(refusal), _) => (false, refusal.reason(), kept(refusal).to_owned()),
            (Verdict::Accepted { .. }, Err(message)) => (false, APPLY_FAILED, message.clone()),
            (Verdict::Accepted { declined, uncapped, .. }, Ok(())) if !declined.is_empty() || !uncapped.is_empty() => {
                (false, DESTINATION_DECLINED, left_alone(declined, uncapped))
            }
            (Verdict::Accepted { .. }, Ok(())) => (true, PROGRAMMED, "the API server has its Istio objects".to_owned()),
        };
        condition(PROGRAMMED, Some(holds), (reason, &message), at)
    }

    fn balanced(&self, at: (Option<i64>, &Time)) -> Condition {
        let Some(group) = self.group else {
            return condition(BALANCED, None, ("NoReports", "no proxy of the Service has reported yet"), at);
        };
        let reason = group.state.to_string();
        let message = if group.reason.is_empty() { &reason } else { &group.reason };
        condition(BALANCED, Some(group.state == State::Balanced), (&reason, message), at)
    }
}

fn left_alone(declined: &[DeclinedDestination], uncapped: &[UncappedDestination]) -> String {
    let endpoints = list("the endpoints of these destinations stay with istiod", declined);
    let connections = list("the connections to these destinations are not capped", uncapped);
    endpoints.into_iter().chain(connections).collect::<Vec<_>>().join(". ")
}

fn list(what: &str, destinations: &[impl ToString]) -> Option<String> {
    let all: Vec<_> = destinations.iter().map(ToString::to_string).collect();
    (!all.is_empty()).then(|| format!("{what}: {}", all.join("; ")))
}

fn kept(refusal: &Refusal) -> &'static str {
    if refusal.keeps_what_was_applied() {
        "the policy is not accepted; what was applied for it before stays"
    } else {
        "the policy is not accepted"
    }
}

/// What stands in the way, else the last thing that there is to say.
fn in_a_word(conditions: &[Condition]) -> String {
    let obstacle = conditions.iter().find(|condition| condition.type_ != BALANCED && condition.status != "True");
    obstacle.or(conditions.last()).map(|condition| condition.reason.clone()).unwrap_or_default()
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
