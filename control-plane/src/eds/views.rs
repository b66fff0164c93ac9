//! All views of all services: made when first asked for, kept while the service stays the same.

use super::{ResourceName, View, assignment};
use crate::model::{Cluster, Service, ServiceName};
use crate::xds::{Lookup, Resource, ResourceType, Resources};
use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The views of a cluster at one moment. A resource is encoded when a client first asks for it, and once: all streams
/// share the bytes, also those of later moments for as long as nothing that it is made of changes.
#[derive(Debug, Default)]
pub struct Views {
    cluster: Arc<Cluster>,
    services: BTreeMap<ServiceName, Arc<ServiceViews>>,
}

/// The resources of one service as it is now, those that were asked for.
#[derive(Debug, Default)]
struct ServiceViews(Mutex<HashMap<ResourceName, Arc<Resource>>>);

impl Views {
    /// The views of what is known now, and the names of all resources that may differ from what they are in `self`.
    pub fn next(&self, cluster: Arc<Cluster>) -> (Self, BTreeSet<String>) {
        let mut services = self.services.clone();
        let mut changed = BTreeSet::new();
        for (older, newer) in self.cluster.services.changes(&cluster.services) {
            changed.extend(older.into_iter().chain(newer).flat_map(|service| names(service)));
            match (older, newer) {
                (_, Some(newer)) => drop(services.insert(newer.name.clone(), Arc::default())),
                (Some(older), None) => drop(services.remove(&older.name)),
                (None, None) => {}
            }
        }
        (Self { cluster, services }, changed)
    }

    fn assignment(&self, text: &str) -> Arc<Resource> {
        self.known(text).unwrap_or_else(|| Arc::new(encode(&empty(text))))
    }

    /// The view of a service that exists.
    fn known(&self, text: &str) -> Option<Arc<Resource>> {
        let name: ResourceName = text.parse().ok()?;
        let service = self.cluster.services.get(&name.service)?;
        let views = self.services.get(&name.service)?;
        // While one stream encodes, others that want the same service wait instead of encoding it as well.
        let mut encoded = views.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resource) = encoded.get(&name) {
            return Some(resource.clone());
        }
        let port = service.ports.iter().find(|port| port.port == name.port)?;
        let assignment = match name.view {
            View::Pods => assignment::pods(text, service, port),
        };
        Some(encoded.entry(name).or_insert(Arc::new(encode(&assignment))).clone())
    }
}

impl Resources for Views {
    fn get(&self, resource_type: ResourceType, name: &str) -> Lookup {
        match resource_type {
            ResourceType::ClusterLoadAssignment => Lookup::Found(self.assignment(name)),
            ResourceType::Cluster | ResourceType::Listener | ResourceType::RouteConfiguration => Lookup::Absent,
        }
    }

    fn names(&self, _: ResourceType) -> Vec<String> {
        Vec::new()
    }

    fn lists(&self, _: ResourceType, _: &str) -> bool {
        false
    }
}

/// The names of all resources that are made of this service.
fn names(service: &Service) -> impl Iterator<Item = String> {
    service
        .ports
        .iter()
        .map(|port| ResourceName { view: View::Pods, service: service.name.clone(), port: port.port }.to_string())
}

/// The assignment for a name that does not exist. It is the same as that of a service without ready endpoints: whether
/// a service is gone or just empty makes no difference to a load balancer.
fn empty(name: &str) -> ClusterLoadAssignment {
    ClusterLoadAssignment { cluster_name: name.to_owned(), endpoints: Vec::new() }
}

fn encode(assignment: &ClusterLoadAssignment) -> Resource {
    Resource::new(assignment.cluster_name.clone(), ResourceType::ClusterLoadAssignment, assignment)
}
