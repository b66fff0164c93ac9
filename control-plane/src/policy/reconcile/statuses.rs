//! What was said of each policy, and whether something else has to be said.

use super::{Action, View, WATCH_LAG};
use crate::policy::notices::notices;
use crate::policy::plan::{Plan, Planned, Verdict};
use crate::policy::status::{ConnectionPolicyStatus, Facts};
use crate::rebalance::GroupStatus;
use evenkeel_filter_core::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// Numbers and words that change all the time are written this often at most; states at once.
const BETWEEN: Duration = Duration::from_secs(10);

/// What was written last, by the policy's uid.
#[derive(Debug, Default)]
pub struct Statuses(BTreeMap<String, Written>);

#[derive(Debug)]
struct Written {
    status: ConnectionPolicyStatus,
    /// The resource version of the policy that was seen then.
    before: Option<String>,
    /// The one that it has since; `None` while that is not known.
    after: Option<String>,
    at: Time,
}

impl Statuses {
    /// What to write, if anything.
    pub fn action(
        &mut self,
        planned: &Planned,
        programmed: Result<(), String>,
        view: &View<'_>,
        is_new: bool,
    ) -> Option<Action> {
        let seen = &planned.seen;
        let last = self.0.get(seen.uid()).filter(|written| written.after.is_some());
        let known = last.filter(|last| last.is_newest(seen.metadata.resource_version.as_deref(), view.now));
        let before = known.map(|written| &written.status).or(seen.status.as_ref());
        let facts = Facts {
            generation: seen.metadata.generation,
            verdict: &planned.verdict,
            programmed,
            rebalances: seen.spec.as_ref().is_ok_and(|spec| spec.rebalance.is_some()),
            group: group(planned, view.groups),
            is_new,
        };
        let status = facts.status(before, &view.wall);
        let is_early = last.is_some_and(|last| view.now < last.at.plus(BETWEEN));
        let is_due = before.is_none_or(|before| status.differs_in_state(before) || (status != *before && !is_early));
        let notices = is_due.then(|| notices(before, &status))?;
        self.begin(planned, &status, view.now);
        Some(Action::Write { policy: Box::new(seen.metadata.clone()), status: Box::new(status), notices })
    }

    /// It was written.
    pub fn written(&mut self, uid: &str, resource_version: Option<String>, now: Time) {
        if let Some(written) = self.0.get_mut(uid) {
            (written.after, written.at) = (Some(resource_version.unwrap_or_default()), now);
        }
    }

    /// Forgets what was said of policies that have gone.
    pub fn forget_all_but(&mut self, plan: &Plan) {
        self.0.retain(|uid, _| plan.policies.iter().any(|planned| planned.seen.uid() == uid));
    }

    fn begin(&mut self, planned: &Planned, status: &ConnectionPolicyStatus, now: Time) {
        let before = planned.seen.metadata.resource_version.clone();
        let written = Written { status: status.clone(), before, after: None, at: now };
        self.0.insert(planned.seen.uid().to_owned(), written);
    }
}

impl Written {
    /// Whether the watch cannot have told anything newer: what it shows is from before, or is this.
    fn is_newest(&self, version: Option<&str>, now: Time) -> bool {
        version == self.after.as_deref() || (version == self.before.as_deref() && now < self.at.plus(WATCH_LAG))
    }
}

fn group<'a>(planned: &Planned, groups: &'a [GroupStatus]) -> Option<&'a GroupStatus> {
    let Verdict::Accepted { service, .. } = &planned.verdict else { return None };
    let name = service.to_string();
    groups.iter().find(|group| group.group == name)
}
