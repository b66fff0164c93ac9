//! What to do now, so that the cluster has what its policies want: from what was seen, what was done, and the time.
//!
//! Nothing here talks to anybody. Whoever carries the actions out says how each of them went, and asks again.

mod action;
mod objects;
mod statuses;
#[cfg(test)]
mod tests;

pub use action::{Action, ObjectKey};

use super::plan::{Plan, Planned, Verdict};
use crate::rebalance::GroupStatus;
use evenkeel_filter_core::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use kube::api::DynamicObject;
use objects::{Objects, Standing};
use statuses::Statuses;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// After so long of leading, a group that nobody has reported for has no proxies that report.
const NEW_LEADER: Duration = Duration::from_secs(30);

/// A watch tells what has been written within this time, or what it tells is the truth.
const WATCH_LAG: Duration = Duration::from_secs(5);

/// What is seen at one moment.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// What the policies come to.
    pub plan: &'a Plan,
    /// The objects that were made for policies, by what they are.
    pub owned: &'a BTreeMap<ObjectKey, Arc<DynamicObject>>,
    /// What the groups do.
    pub groups: &'a [GroupStatus],
    /// The time of this process.
    pub now: Time,
    /// The time of day.
    pub wall: v1::Time,
}

/// Remembers what was done in this term.
#[derive(Debug)]
pub struct Reconciler {
    since: Time,
    objects: Objects,
    statuses: Statuses,
}

impl Reconciler {
    /// This replica leads from now on. What others have written is looked at anew.
    pub fn new(now: Time) -> Self {
        Self { since: now, objects: Objects::default(), statuses: Statuses::default() }
    }

    /// What is to be done now. Nothing depends on the order.
    pub fn actions(&mut self, view: &View<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut wanted = BTreeSet::new();
        for planned in &view.plan.policies {
            let programmed = self.program(planned, view, &mut wanted, &mut actions);
            // What is said of a policy waits for what is being done for it.
            if let Some(programmed) = programmed {
                actions.extend(self.statuses.action(planned, programmed, view, self.is_new(view.now)));
            }
        }
        let unwanted = view.owned.iter().filter(|(key, object)| !wanted.contains(*key) && !is_kept(view.plan, object));
        for (key, object) in unwanted {
            actions.extend(self.objects.delete(key, object, view.now));
        }
        self.objects.retain(|key| wanted.contains(key) || view.owned.contains_key(key));
        self.statuses.forget_all_but(view.plan);
        actions
    }

    /// How applying an object went: the resource version that it has since, or why it failed. Says whether that has put
    /// right what somebody else had changed.
    pub fn applied(&mut self, key: &ObjectKey, outcome: Result<String, String>, now: Time) -> bool {
        self.objects.done(key, outcome, now)
    }

    /// An object was deleted, or why not.
    pub fn deleted(&mut self, key: &ObjectKey, outcome: Result<(), String>, now: Time) {
        self.objects.done(key, outcome.map(|()| String::new()), now);
    }

    /// A status was written; the policy has this resource version since.
    pub fn written(&mut self, uid: &str, resource_version: Option<String>, now: Time) {
        self.statuses.written(uid, resource_version, now);
    }

    /// Looks after the objects of one policy. What the API server has said to them; `None` while something is being done.
    fn program(
        &mut self,
        planned: &Planned,
        view: &View<'_>,
        wanted: &mut BTreeSet<ObjectKey>,
        actions: &mut Vec<Action>,
    ) -> Option<Result<(), String>> {
        let Verdict::Accepted { objects, .. } = &planned.verdict else { return Some(Ok(())) };
        let mut programmed = Some(Ok(()));
        for object in objects {
            let key = ObjectKey::of(object);
            match self.objects.standing(&key, object, view.owned.get(&key).map(AsRef::as_ref), view.now) {
                Standing::AsWanted => {}
                Standing::Due(action) => {
                    actions.push(action);
                    programmed = None;
                }
                Standing::Failed(problem) => {
                    programmed = programmed.map(|_| Err(format!("{key}: {problem}")));
                }
            }
            wanted.insert(key);
        }
        programmed
    }

    fn is_new(&self, now: Time) -> bool {
        now.since(self.since) < NEW_LEADER
    }
}

/// Whether an object stays although nothing wants it now: its policy has become wrong.
fn is_kept(plan: &Plan, object: &DynamicObject) -> bool {
    let owner = super::seen::owner(object);
    let policy = plan.policies.iter().find(|planned| Some(planned.seen.uid()) == owner);
    policy.is_some_and(|planned| match &planned.verdict {
        Verdict::Accepted { .. } => false,
        Verdict::Refused(refusal) => refusal.keeps_what_was_applied(),
    })
}
