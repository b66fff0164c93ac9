//! The two ways to subscribe to endpoints.

use evenkeel_proto::CLUSTER_LOAD_ASSIGNMENT;
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use prost::Message;
use serde::Serialize;

use super::client::Response;

/// A variant of EDS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// State of the world.
    Sotw,
    /// Incremental.
    Delta,
}

impl Transport {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sotw, Self::Delta];

    /// Its name in reports and on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sotw => "sotw",
            Self::Delta => "delta",
        }
    }

    /// The gRPC method.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Sotw => "/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints",
            Self::Delta => "/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints",
        }
    }
}

/// Who wants what.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// How.
    pub transport: Transport,
    /// The resource.
    pub name: &'static str,
    /// The id of the node.
    pub node: String,
}

impl Subscription {
    /// The first message of a stream.
    pub fn first_request(&self) -> Vec<u8> {
        let node = Some(Node { id: self.node.clone(), ..Node::default() });
        match self.transport {
            Transport::Sotw => DiscoveryRequest { node, ..self.sotw() }.encode_to_vec(),
            Transport::Delta => {
                let resource_names_subscribe = vec![self.name.to_owned()];
                DeltaDiscoveryRequest { node, resource_names_subscribe, ..delta() }.encode_to_vec()
            }
        }
    }

    /// What accepts a response.
    pub fn acknowledgement(&self, response: &Response) -> Vec<u8> {
        let response_nonce = response.nonce.clone();
        match self.transport {
            Transport::Sotw => {
                let version_info = response.version.clone();
                DiscoveryRequest { version_info, response_nonce, ..self.sotw() }.encode_to_vec()
            }
            Transport::Delta => DeltaDiscoveryRequest { response_nonce, ..delta() }.encode_to_vec(),
        }
    }

    fn sotw(&self) -> DiscoveryRequest {
        let resource_names = vec![self.name.to_owned()];
        DiscoveryRequest { resource_names, type_url: CLUSTER_LOAD_ASSIGNMENT.to_owned(), ..DiscoveryRequest::default() }
    }
}

fn delta() -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest { type_url: CLUSTER_LOAD_ASSIGNMENT.to_owned(), ..DeltaDiscoveryRequest::default() }
}
