//! What the tests of the state machines share: a small world of resources, and clients that follow a script.

mod delta_client;
mod sotw_client;
mod world;

pub use delta_client::DeltaClient;
pub use sotw_client::SotwClient;
pub use world::{World, empty, resource};

use super::{ResourceType, Response};
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::google::rpc::Status;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

pub const CDS: ResourceType = ResourceType::Cluster;
pub const EDS: ResourceType = ResourceType::ClusterLoadAssignment;
pub const LDS: ResourceType = ResourceType::Listener;
pub const RDS: ResourceType = ResourceType::RouteConfiguration;

/// The name and the version of a resource.
pub type Sent = (String, String);

/// No response at all.
pub const SILENCE: [&str; 0] = [];

/// The message of a response, as a client would decode it.
pub fn decode<M: Message + Default>(response: &Response) -> M {
    M::decode(&response.chunks().concat()[5..]).unwrap()
}

/// Owned copies.
pub fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
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

/// A response in short: the service, the names of the resources, and with a minus those that are gone.
fn line(resource_type: ResourceType, resources: &[Sent], gone: &[String]) -> String {
    let unique: BTreeSet<&String> = resources.iter().map(|(name, _)| name).chain(gone).collect();
    assert_eq!(unique.len(), resources.len() + gone.len(), "a name comes once: {resources:?} {gone:?}");
    let service = match resource_type {
        CDS => "CDS",
        EDS => "EDS",
        LDS => "LDS",
        RDS => "RDS",
    };
    let names = resources.iter().map(|(name, _)| name.clone()).chain(gone.iter().map(|name| format!("-{name}")));
    std::iter::once(service.to_owned()).chain(names).collect::<Vec<_>>().join(" ")
}

/// The last nonce of each type, and how many there were in all.
#[derive(Debug, Default)]
struct Nonces {
    last: BTreeMap<ResourceType, String>,
    count: u64,
}

impl Nonces {
    /// The last of a type; empty when there was none.
    fn last(&self, resource_type: ResourceType) -> String {
        self.last.get(&resource_type).cloned().unwrap_or_default()
    }

    /// Nonces increase by one, whatever the type.
    fn received(&mut self, resource_type: ResourceType, type_url: &str, nonce: String) {
        self.count += 1;
        assert_eq!((type_url, &nonce), (resource_type.url(), &self.count.to_string()));
        self.last.insert(resource_type, nonce);
    }
}
