//! Small resources and snapshots for the tests of the state machines.

use super::{Lookup, Resource, ResourceType, Resources, Response, Snapshot};
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::config::endpoint::v3::{ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints};
use evenkeel_proto::google::rpc::Status;
use prost::Message;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An assignment whose content, and thus its size and version, depend on `endpoints`.
pub fn resource(name: &str, endpoints: u32) -> Arc<Resource> {
    let lb_endpoints =
        (0..endpoints).map(|_| LbEndpoint { health_status: 123_456_789, ..Default::default() }).collect();
    let endpoints = vec![LocalityLbEndpoints { lb_endpoints, ..Default::default() }];
    Arc::new(encode(&ClusterLoadAssignment { cluster_name: name.to_owned(), endpoints }))
}

/// A snapshot of such assignments; for other names the assignment is empty.
pub fn snapshot(generation: u64, assignments: &[(&str, u32)]) -> Snapshot {
    let assignments =
        assignments.iter().map(|(name, endpoints)| ((*name).to_owned(), resource(name, *endpoints))).collect();
    let assignments = Arc::new(Assignments(assignments));
    // Nothing is known of what changed, so that every stream looks at all its names.
    (1..generation).fold(Snapshot::new(assignments.clone()), |snapshot, _| {
        snapshot.next(assignments.clone(), assignments.0.keys().cloned().collect())
    })
}

#[derive(Debug)]
struct Assignments(BTreeMap<String, Arc<Resource>>);

impl Resources for Assignments {
    fn get(&self, _: ResourceType, name: &str) -> Lookup {
        Lookup::Found(self.0.get(name).cloned().unwrap_or_else(|| Arc::new(empty(name))))
    }

    fn names(&self, _: ResourceType) -> Vec<String> {
        Vec::new()
    }

    fn lists(&self, _: ResourceType, _: &str) -> bool {
        false
    }
}

/// The version of what a name stands for.
pub fn version(snapshot: &Snapshot, name: &str) -> String {
    let Lookup::Found(resource) = snapshot.get(ResourceType::ClusterLoadAssignment, name) else { panic!("{name}") };
    resource.version().to_string()
}

/// The names of resources, in their order.
pub fn names(resources: &[Arc<Resource>]) -> Vec<&str> {
    resources.iter().map(|resource| resource.name()).collect()
}

/// The answer for a name that does not exist.
pub fn empty(name: &str) -> Resource {
    encode(&ClusterLoadAssignment { cluster_name: name.to_owned(), endpoints: Vec::new() })
}

fn encode(assignment: &ClusterLoadAssignment) -> Resource {
    Resource::new(assignment.cluster_name.clone(), ResourceType::ClusterLoadAssignment, assignment)
}

/// A client that says who it is.
#[allow(clippy::unnecessary_wraps)]
pub fn node() -> Option<Node> {
    Some(Node { id: "client".to_owned(), ..Node::default() })
}

/// Says why a response was rejected.
#[allow(clippy::unnecessary_wraps)]
pub fn wrong() -> Option<Status> {
    Some(Status { message: "wrong".to_owned(), ..Status::default() })
}

/// The message of a response, as a client would decode it.
pub fn decode<M: Message + Default>(response: &Response) -> M {
    M::decode(&response.chunks().concat()[5..]).unwrap()
}
