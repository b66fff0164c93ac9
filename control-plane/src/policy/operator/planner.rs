//! Follows the cluster, and publishes what its policies come to.

use super::kinds;
use super::metrics::PolicyMetrics;
use super::watches::Watches;
use crate::model::ServiceName;
use crate::policy::plan::{Plan, Sources};
use crate::policy::reconcile::ObjectKey;
use crate::policy::render::Release;
use crate::policy::sections::Sections;
use crate::policy::seen::SeenPolicy;
use crate::rebalance::Policies;
use crate::source::Newest;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{ApiResource, DynamicObject};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Changes that come within this time are one.
const QUIET: Duration = Duration::from_millis(50);

/// The cluster at one moment, as far as policies are concerned.
#[derive(Debug, PartialEq)]
pub struct Observed {
    /// What the policies come to.
    pub plan: Plan,
    /// What was made for policies, by what it is.
    pub owned: BTreeMap<ObjectKey, Arc<DynamicObject>>,
}

/// Makes plans.
pub struct Planner {
    watches: Watches,
    newest: Newest,
    release: Release,
    metrics: PolicyMetrics,
    sections: Sections,
    policies: watch::Sender<Arc<Policies>>,
    observed: watch::Sender<Option<Arc<Observed>>>,
}

impl Planner {
    /// A planner, and what it sees; `None` before everything has been listed once.
    pub fn new(
        watches: Watches,
        newest: Newest,
        (release, metrics): (Release, PolicyMetrics),
        (sections, policies): (Sections, watch::Sender<Arc<Policies>>),
    ) -> (Self, watch::Receiver<Option<Arc<Observed>>>) {
        let (observed, receiver) = watch::channel(None);
        (Self { watches, newest, release, metrics, sections, policies, observed }, receiver)
    }

    /// Follows the cluster for ever.
    pub async fn run(mut self) {
        loop {
            tokio::select! {
                () = self.watches.changed() => {}
                () = super::changed(&mut self.newest) => {}
            }
            tokio::time::sleep(QUIET).await;
            if let Some(sources) = self.sources() {
                self.publish(&sources);
            }
        }
    }

    fn sources(&mut self) -> Option<Sources> {
        let policies = self.watches.objects(&kinds::policy())?;
        let services = self.watches.objects(&kinds::service())?;
        Some(Sources {
            policies: policies.iter().map(|object| SeenPolicy::new(object)).collect(),
            services: services.iter().filter_map(|object| service(object)).collect(),
            cluster: self.newest.borrow_and_update().clone()?,
        })
    }

    fn publish(&mut self, sources: &Sources) {
        let plan = Plan::new(sources, &self.release);
        self.metrics.planned(&plan);
        self.sections.follow(&plan);
        let policies = self.sections.policies();
        self.policies.send_if_modified(|newest| replace(newest, policies));
        let observed = Some(Observed { plan, owned: self.owned() });
        self.observed.send_if_modified(|newest| {
            let differ = newest.as_deref() != observed.as_ref();
            if differ {
                *newest = observed.map(Arc::new);
            }
            differ
        });
    }

    fn owned(&self) -> BTreeMap<ObjectKey, Arc<DynamicObject>> {
        let key = |resource: &ApiResource, object: &DynamicObject| ObjectKey {
            kind: resource.kind.clone(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        };
        let ours = |object: &Arc<DynamicObject>| crate::policy::seen::owner(object).is_some();
        let objects = |resource: ApiResource| {
            let objects = self.watches.objects(&resource).unwrap_or_default();
            objects.into_iter().filter(ours).map(move |object| (key(&resource, &object), object))
        };
        kinds::owned().into_iter().flat_map(objects).collect()
    }
}

fn replace(newest: &mut Arc<Policies>, policies: Policies) -> bool {
    let differ = **newest != policies;
    if differ {
        *newest = Arc::new(policies);
    }
    differ
}

/// What makes no sense is no Service: the API server does not keep such a thing.
fn service(object: &DynamicObject) -> Option<(ServiceName, Service)> {
    let name = ServiceName::new(object.namespace()?, object.name_any());
    Some((name, object.clone().try_parse().ok()?))
}
