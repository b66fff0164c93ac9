//! A delta client that does what a script says.

use super::{Nonces, Sent, World, decode, line, node, owned, wrong};
use crate::xds::stream::{RESPONSE_SIZE, Verdict};
use crate::xds::{DeltaStream, DiscoveryStream, ResourceType, Scope, TypeStatus};
use evenkeel_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};

/// A stream and the client at its other end.
#[derive(Debug)]
pub struct DeltaClient {
    pub stream: DeltaStream,
    nonces: Nonces,
}

impl DeltaClient {
    /// A client that has said nothing yet.
    pub fn new() -> Self {
        Self { stream: DeltaStream::new(Scope::Aggregated), nonces: Nonces::default() }
    }

    /// One that wants these names and has them.
    pub fn having(resource_type: ResourceType, names: &[&str], world: &World) -> Self {
        let mut client = Self::new();
        client.subscribes(resource_type, names);
        client.takes(world);
        client.accepts(resource_type);
        client
    }

    /// A request that neither accepts nor rejects.
    pub fn request(resource_type: ResourceType, more: &[&str], less: &[&str]) -> DeltaDiscoveryRequest {
        DeltaDiscoveryRequest {
            node: node(),
            type_url: resource_type.url().to_owned(),
            resource_names_subscribe: owned(more),
            resource_names_unsubscribe: owned(less),
            ..DeltaDiscoveryRequest::default()
        }
    }

    /// Comes back with what it has: names and versions.
    pub fn returns(&mut self, resource_type: ResourceType, names: &[&str], has: &[(&str, String)]) {
        let initial_resource_versions =
            has.iter().map(|(name, version)| ((*name).to_owned(), version.clone())).collect();
        let request = Self::request(resource_type, names, &[]);
        self.sends(DeltaDiscoveryRequest { initial_resource_versions, ..request });
    }

    pub fn subscribes(&mut self, resource_type: ResourceType, names: &[&str]) {
        self.sends(Self::request(resource_type, names, &[]));
    }

    pub fn unsubscribes(&mut self, resource_type: ResourceType, names: &[&str]) {
        self.sends(Self::request(resource_type, &[], names));
    }

    /// Accepts the last response.
    pub fn accepts(&mut self, resource_type: ResourceType) -> Verdict {
        let response_nonce = self.nonces.last(resource_type);
        self.sends(DeltaDiscoveryRequest { response_nonce, ..Self::request(resource_type, &[], &[]) })
    }

    /// Rejects the last response.
    pub fn rejects(&mut self, resource_type: ResourceType) -> Verdict {
        let response_nonce = self.nonces.last(resource_type);
        let request = Self::request(resource_type, &[], &[]);
        self.sends(DeltaDiscoveryRequest { response_nonce, error_detail: wrong(), ..request })
    }

    pub fn sends(&mut self, request: DeltaDiscoveryRequest) -> Verdict {
        self.stream.request(request).unwrap().verdict
    }

    /// Takes the next response that is due: its type, name and version of its resources, and the names that are gone.
    pub fn receives(&mut self, world: &World) -> Option<(ResourceType, Vec<Sent>, Vec<String>)> {
        let response = self.stream.respond(world.snapshot())?;
        assert!(response.resources.len() == 1 || response.size() < RESPONSE_SIZE + 4096, "{}", response.size());
        let message: DeltaDiscoveryResponse = decode(&response);
        self.nonces.received(response.resource_type, &message.type_url, message.nonce);
        let resources = message.resources.into_iter().map(|resource| (resource.name, resource.version)).collect();
        Some((response.resource_type, resources, message.removed_resources))
    }

    /// Takes the next response that is due: its service, the names of its resources, and those that are gone.
    pub fn takes_one(&mut self, world: &World) -> Option<String> {
        let (resource_type, resources, gone) = self.receives(world)?;
        Some(line(resource_type, &resources, &gone))
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
