//! What was done to each object, and whether something has to be done again.
//!
//! An object is as wanted while it has the resource version that our own request has left. Applying what is there already
//! changes nothing, so whenever somebody else has written, it is applied again.

use super::{Action, ObjectKey, WATCH_LAG};
use evenkeel_filter_core::Time;
use kube::ResourceExt;
use kube::api::DynamicObject;
use std::collections::BTreeMap;
use std::time::Duration;

/// Two who want an object otherwise would write it all the time.
const BETWEEN: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const LONGEST: Duration = Duration::from_mins(1);

/// What was done last to each object.
#[derive(Debug, Default)]
pub struct Objects(BTreeMap<ObjectKey, Attempt>);

#[derive(Debug)]
struct Attempt {
    /// What it was to be; `None` for gone.
    wanted: Option<DynamicObject>,
    /// The resource version that was seen then; `None` if there was no such object.
    before: Option<String>,
    /// How often somebody else has changed it lately, after it had been as wanted.
    repairs: u32,
    failures: u32,
    at: Time,
    /// The resource version that it has since, or what went wrong; `None` while that is not known.
    outcome: Option<Result<String, String>>,
}

/// How an object stands.
#[derive(Debug, PartialEq)]
pub enum Standing {
    /// Nothing is to be done.
    AsWanted,
    /// This is.
    Due(Action),
    /// It has failed, and it is too early to try again.
    Failed(String),
}

impl Objects {
    /// How an object stands that is to be this, and is `live` as far as the watch has told.
    pub fn standing(
        &mut self,
        key: &ObjectKey,
        wanted: &DynamicObject,
        live: Option<&DynamicObject>,
        now: Time,
    ) -> Standing {
        self.settled(key, Some(wanted), live, now).unwrap_or_else(|| {
            let action = Action::Apply { key: key.clone(), object: Box::new(wanted.clone()) };
            self.begin(key, Some(wanted.clone()), live, now);
            Standing::Due(action)
        })
    }

    /// What to do so that an object goes.
    pub fn delete(&mut self, key: &ObjectKey, live: &DynamicObject, now: Time) -> Option<Action> {
        if self.settled(key, None, Some(live), now).is_some() {
            return None;
        }
        self.begin(key, None, Some(live), now);
        Some(Action::Delete { key: key.clone(), uid: live.uid()? })
    }

    /// How it went. Says whether it has put right what somebody else had changed.
    pub fn done(&mut self, key: &ObjectKey, outcome: Result<String, String>, now: Time) -> bool {
        let Some(attempt) = self.0.get_mut(key) else { return false };
        attempt.failures = if outcome.is_err() { attempt.failures.saturating_add(1) } else { 0 };
        attempt.at = now;
        let changed = outcome.as_ref().is_ok_and(|after| Some(after) != attempt.before.as_ref());
        attempt.outcome = Some(outcome);
        changed && attempt.repairs > 0
    }

    /// Forgets those that nobody wants any more and that have gone.
    pub fn retain(&mut self, matters: impl Fn(&ObjectKey) -> bool) {
        self.0.retain(|key, _| matters(key));
    }

    /// How it stands because of what was done; `None` when something has to be done.
    fn settled(
        &self,
        key: &ObjectKey,
        wanted: Option<&DynamicObject>,
        live: Option<&DynamicObject>,
        now: Time,
    ) -> Option<Standing> {
        let last = self.0.get(key).filter(|last| last.wanted.as_ref() == wanted)?;
        last.settled(live.and_then(ResourceExt::resource_version).as_deref(), now)
    }

    fn begin(&mut self, key: &ObjectKey, wanted: Option<DynamicObject>, live: Option<&DynamicObject>, now: Time) {
        let before = live.and_then(ResourceExt::resource_version);
        let last = self.0.get(key).filter(|last| last.wanted == wanted);
        let (repairs, failures) = last.map_or((0, 0), |last| (last.next_repairs(now), last.failures));
        self.0.insert(key.clone(), Attempt { wanted, before, repairs, failures, at: now, outcome: None });
    }
}

impl Attempt {
    /// Those that are counted when it is due again.
    fn next_repairs(&self, now: Time) -> u32 {
        match self.outcome {
            Some(Ok(_)) if now < self.at.plus(2 * LONGEST) => self.repairs.saturating_add(1),
            Some(Ok(_)) => 1,
            _ => self.repairs,
        }
    }

    fn settled(&self, version: Option<&str>, now: Time) -> Option<Standing> {
        let outcome = self.outcome.as_ref()?;
        let is_unchanged = version == self.before.as_deref();
        let wait = match outcome {
            Ok(after) if version == Some(after) => return Some(Standing::AsWanted),
            Ok(_) if is_unchanged => WATCH_LAG,
            Err(_) if is_unchanged => doubled(self.failures),
            _ => doubled(self.repairs),
        };
        let standing =
            outcome.as_ref().map_or_else(|problem| Standing::Failed(problem.clone()), |_| Standing::AsWanted);
        (now < self.at.plus(wait)).then_some(standing)
    }
}

fn doubled(times: u32) -> Duration {
    BETWEEN.saturating_mul(2_u32.saturating_pow(times)).min(LONGEST)
}
