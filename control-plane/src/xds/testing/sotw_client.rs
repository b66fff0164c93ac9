//! A state-of-the-world client that does what a script says.

use super::{Nonces, Sent, World, decode, line, node, owned, wrong};
use crate::xds::stream::Verdict;
use crate::xds::{DiscoveryStream, ResourceType, Scope, SotwStream, TypeStatus, Version};
use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use evenkeel_proto::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use prost::Message;

/// A stream and the client at its other end.
#[derive(Debug)]
pub struct SotwClient {
    pub stream: SotwStream,
    nonces: Nonces,
}

impl SotwClient {
    /// A client that has said nothing yet.
    pub fn new() -> Self {
        Self { stream: SotwStream::new(Scope::Aggregated), nonces: Nonces::default() }
    }

    /// One that wants these names and has them.
    pub fn having(resource_type: ResourceType, names: &[&str], world: &World) -> Self {
        let mut client = Self::new();
        client.wants(resource_type, names);
        client.takes(world);
        client.wants(resource_type, names);
        client
    }

    /// A request that accepts the last response, if there was one.
    pub fn request(&self, resource_type: ResourceType, names: &[&str]) -> DiscoveryRequest {
        DiscoveryRequest {
            node: node(),
            type_url: resource_type.url().to_owned(),
            resource_names: owned(names),
            response_nonce: self.nonces.last(resource_type),
            ..DiscoveryRequest::default()
        }
    }

    /// Accepts the last response, if there was one, and wants these names.
    pub fn wants(&mut self, resource_type: ResourceType, names: &[&str]) -> Verdict {
        self.stream.request(self.request(resource_type, names)).unwrap().verdict
    }

    /// Rejects the last response and wants these names.
    pub fn rejects(&mut self, resource_type: ResourceType, names: &[&str]) -> Verdict {
        let request = DiscoveryRequest { error_detail: wrong(), ..self.request(resource_type, names) };
        self.stream.request(request).unwrap().verdict
    }

    /// Takes the next response that is due: its type, and name and version of its resources.
    pub fn receives(&mut self, world: &World) -> Option<(ResourceType, Vec<Sent>)> {
        let response = self.stream.respond(world.snapshot())?;
        let message: DiscoveryResponse = decode(&response);
        self.nonces.received(response.resource_type, &message.type_url, message.nonce);
        let resources = message.resources.iter().map(|any| (name(&any.value), Version::of(&any.value).to_string()));
        Some((response.resource_type, resources.collect()))
    }

    /// Takes the next response that is due: its service and the names of its resources.
    pub fn takes_one(&mut self, world: &World) -> Option<String> {
        let (resource_type, resources) = self.receives(world)?;
        Some(line(resource_type, &resources, &[]))
    }

    /// Takes all responses that are due.
    pub fn takes(&mut self, world: &World) -> Vec<String> {
        std::iter::from_fn(|| self.takes_one(world)).collect()
    }

    /// Where a type stands.
    pub fn status(&self, resource_type: ResourceType) -> TypeStatus {
        self.stream.status().into_iter().find(|status| status.resource_type == resource_type).unwrap()
    }
}

/// Whatever its type, a resource of the tests is an assignment.
fn name(value: &[u8]) -> String {
    ClusterLoadAssignment::decode(value).unwrap().cluster_name
}
