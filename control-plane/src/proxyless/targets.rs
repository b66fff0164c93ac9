//! All targets.

use super::target::{Target, target_name};
use crate::eds::{ResourceName, View};
use crate::model::{Cluster, Service};
use crate::xds::{Resource, ResourceType};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The targets of a cluster at one moment: every port of every service. A target that was there before is shared, with
/// what was encoded of it.
#[derive(Debug, Default)]
pub struct Targets {
    cluster: Arc<Cluster>,
    by_name: Arc<BTreeMap<String, Arc<Target>>>,
}

impl Targets {
    /// The targets of the first cluster that is known: all are new.
    pub fn first(cluster: Arc<Cluster>) -> Self {
        let ports = cluster.services.iter().flat_map(|service| ports(Some(service)));
        let by_name = ports.map(|port| (target_name(&port), Arc::new(Target::new(&port)))).collect();
        Self { cluster, by_name: Arc::new(by_name) }
    }

    /// The targets of what is known now, and the names that are new or gone.
    pub fn next(&self, cluster: Arc<Cluster>) -> (Self, BTreeSet<String>) {
        let mut by_name = self.by_name.clone();
        let mut changed = BTreeSet::new();
        for (older, newer) in self.cluster.services.changes(&cluster.services) {
            let (older, newer) = (ports(older), ports(newer));
            for gone in older.difference(&newer).map(target_name) {
                Arc::make_mut(&mut by_name).remove(&gone);
                changed.insert(gone);
            }
            for new in newer.difference(&older) {
                Arc::make_mut(&mut by_name).insert(target_name(new), Arc::new(Target::new(new)));
                changed.insert(target_name(new));
            }
        }
        (Self { cluster, by_name }, changed)
    }

    /// The resource of the target of this name, if there is one.
    pub fn get(&self, resource_type: ResourceType, name: &str) -> Option<Arc<Resource>> {
        self.by_name.get(name)?.get(resource_type)
    }

    /// Whether there is a target of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// The endpoints of each port.
fn ports(service: Option<&Arc<Service>>) -> BTreeSet<ResourceName> {
    let endpoints = |service: &Service, port| ResourceName { view: View::Pods, service: service.name.clone(), port };
    service.into_iter().flat_map(|service| service.ports.iter().map(|port| endpoints(service, port.port))).collect()
}
