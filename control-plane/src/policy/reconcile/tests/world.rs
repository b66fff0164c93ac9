//! A cluster without an API server: what is done is there at once, and the watch tells it when the test says so.

use crate::policy::plan::{Plan, Sources};
use crate::policy::reconcile::{Action, ObjectKey, Reconciler, View};
use crate::policy::seen::SeenPolicy;
use crate::policy::status::ConnectionPolicyStatus;
use crate::policy::testing::{release, service, sources};
use crate::rebalance::GroupStatus;
use evenkeel_filter_core::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::DynamicObject;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub struct World {
    pub sources: Sources,
    /// As it is.
    pub live: BTreeMap<ObjectKey, Arc<DynamicObject>>,
    /// As the watch has told.
    pub told: BTreeMap<ObjectKey, Arc<DynamicObject>>,
    pub groups: Vec<GroupStatus>,
    version: u32,
    pub now: Time,
    pub reconciler: Reconciler,
    pub repairs: u32,
    /// Whether the API server refuses what is asked of it.
    pub refuses: bool,
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    pub fn new(policies: &[SeenPolicy]) -> Self {
        let now = Time::from_nanoseconds(0);
        Self {
            sources: sources(policies, &[service("cart", &[("app", "cart")])]),
            live: BTreeMap::new(),
            told: BTreeMap::new(),
            groups: Vec::new(),
            version: 100,
            now,
            reconciler: Reconciler::new(now),
            repairs: 0,
            refuses: false,
        }
    }

    pub fn actions(&mut self) -> Vec<Action> {
        let plan = Plan::new(&self.sources, &release());
        let seconds = i64::try_from(self.now.since(Time::from_nanoseconds(0)).as_secs()).unwrap();
        let wall = v1::Time(Timestamp::from_second(seconds).unwrap());
        let view = View { plan: &plan, owned: &self.told, groups: &self.groups, now: self.now, wall };
        self.reconciler.actions(&view)
    }

    /// Does what is to be done until there is nothing more, and says what that was.
    pub fn settle(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        loop {
            let actions = self.actions();
            if actions.is_empty() {
                return done;
            }
            assert!(done.len() < 20, "it never ends: {done:?}");
            done.extend(actions.into_iter().map(|action| self.carry_out(action)));
        }
    }

    pub fn carry_out(&mut self, action: Action) -> String {
        match action {
            Action::Apply { key, .. } if self.refuses => {
                self.reconciler.applied(&key, Err("no".to_owned()), self.now);
                format!("refused {key}")
            }
            Action::Delete { key, .. } if self.refuses => {
                self.reconciler.deleted(&key, Err("no".to_owned()), self.now);
                format!("refused {key}")
            }
            Action::Apply { key, object } => {
                let version = self.store(&key, *object);
                self.repairs += u32::from(self.reconciler.applied(&key, Ok(version), self.now));
                format!("apply {key}")
            }
            Action::Delete { key, .. } => {
                self.live.remove(&key);
                self.reconciler.deleted(&key, Ok(()), self.now);
                format!("delete {key}")
            }
            Action::Write { policy, status, notices } => {
                let notices: Vec<_> = notices.iter().map(|notice| notice.reason.as_str()).collect();
                let said =
                    format!("{} is {} {notices:?}", policy.name.as_deref().unwrap(), status.state.as_ref().unwrap());
                self.write(policy.uid.as_deref().unwrap(), *status);
                said
            }
        }
    }

    /// As the API server: what is there already changes nothing.
    fn store(&mut self, key: &ObjectKey, mut object: DynamicObject) -> String {
        if let Some(live) = self.live.get(key).filter(|live| live.data == object.data) {
            return live.resource_version().unwrap();
        }
        self.version += 1;
        object.metadata.resource_version = Some(self.version.to_string());
        object.metadata.uid = Some(format!("uid-{}", self.version));
        self.live.insert(key.clone(), Arc::new(object));
        self.version.to_string()
    }

    fn write(&mut self, uid: &str, status: ConnectionPolicyStatus) {
        self.version += 1;
        let version = Some(self.version.to_string());
        self.reconciler.written(uid, version.clone(), self.now);
        let policy = self.sources.policies.iter_mut().find(|policy| policy.uid() == uid).unwrap();
        (policy.status, policy.metadata.resource_version) = (Some(status), version);
    }

    pub fn watch_tells(&mut self) {
        self.told = self.live.clone();
    }

    /// Somebody else writes this into the object.
    pub fn edit(&mut self, data: &str) {
        let Some((key, object)) = self.live.first_key_value() else { return };
        let (key, mut object) = (key.clone(), DynamicObject::clone(object));
        object.data = data.into();
        self.store(&key, object);
    }

    pub fn after(&mut self, time: Duration) -> &mut Self {
        self.now = self.now.plus(time);
        self
    }

    pub fn status(&self, name: &str) -> ConnectionPolicyStatus {
        let policy = self.sources.policies.iter().find(|policy| policy.name() == name).unwrap();
        policy.status.clone().unwrap()
    }
}
