//! Endpoints as clients see them: names, views and assignments.

mod assignment;
mod name;
mod publish;

pub use name::{NameError, ResourceName, View};
pub use publish::Publisher;

use crate::model::{Service, ServicePort, Services};
use crate::xds::{Resource, ResourceType, Snapshot};
use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use std::collections::HashMap;
use std::sync::Arc;

/// Turns services into snapshots of assignments. A service that did not change keeps the resources that were encoded
/// for it earlier.
#[derive(Debug, Default)]
pub struct Assignments {
    services: Services,
    resources: HashMap<String, Arc<Resource>>,
    generation: u64,
}

impl Assignments {
    /// The snapshot for these services.
    pub fn update(&mut self, services: &Services) -> Snapshot {
        self.resources = services.iter().flat_map(|service| self.of_service(service)).collect();
        self.services = services.clone();
        self.generation += 1;
        Snapshot::new(self.generation, self.resources.clone(), empty)
    }

    fn of_service(&self, service: &Arc<Service>) -> Vec<(String, Arc<Resource>)> {
        let unchanged = self.services.get(&service.name).is_some_and(|known| known == service);
        let resource = |port: &ServicePort| {
            let name = ResourceName { view: View::Pods, service: service.name.clone(), port: port.port }.to_string();
            let known = self.resources.get(&name).filter(|_| unchanged).cloned();
            let resource = known.unwrap_or_else(|| Arc::new(encode(&assignment::pods(&name, service, port))));
            (name, resource)
        };
        service.ports.iter().map(resource).collect()
    }
}

/// The assignment for a name that does not exist. It is the same as that of a service without ready endpoints: whether
/// a service is gone or just empty makes no difference to a load balancer.
fn empty(name: &str) -> Resource {
    encode(&ClusterLoadAssignment { cluster_name: name.to_owned(), endpoints: Vec::new() })
}

fn encode(assignment: &ClusterLoadAssignment) -> Resource {
    Resource::new(assignment.cluster_name.clone(), ResourceType::ClusterLoadAssignment, assignment)
}

#[cfg(test)]
mod tests;
