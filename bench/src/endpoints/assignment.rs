//! What a server really serves, decoded: both must serve the same, or what is compared is not the same work.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use evenkeel_proto::CLUSTER_LOAD_ASSIGNMENT;
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryRequest;
use evenkeel_proto::envoy::service::endpoint::v3::endpoint_discovery_service_client::EndpointDiscoveryServiceClient;
use futures::StreamExt;
use futures::stream;
use prost::Message;

/// Larger than any answer of a run, in bytes.
const MAX_SIZE: usize = 64 << 20;

/// Asks for the resource on a new stream.
pub async fn fetch(server: SocketAddr, name: &str) -> Result<ClusterLoadAssignment> {
    let client = EndpointDiscoveryServiceClient::connect(format!("http://{server}")).await?;
    let request = DiscoveryRequest {
        node: Some(Node { id: "check".to_owned(), ..Node::default() }),
        resource_names: vec![name.to_owned()],
        type_url: CLUSTER_LOAD_ASSIGNMENT.to_owned(),
        ..DiscoveryRequest::default()
    };
    let requests = stream::iter([request]).chain(stream::pending());
    let mut responses = client.max_decoding_message_size(MAX_SIZE).stream_endpoints(requests).await?.into_inner();
    let response = responses.message().await?.context("the server has ended the stream")?;
    let any = response.resources.into_iter().next().context("the answer is empty")?;
    Ok(ClusterLoadAssignment::decode(any.value)?)
}

/// Fails unless it has all endpoints, with the weights that so many changes have made.
pub fn check(assignment: &ClusterLoadAssignment, endpoints: u32, changes: u32) -> Result<()> {
    let served = assignment.endpoints.iter().flat_map(|locality| &locality.lb_endpoints);
    let weights: Vec<u32> =
        served.map(|endpoint| endpoint.load_balancing_weight.as_ref().map_or(0, |weight| weight.value)).collect();
    ensure!(weights.len() == endpoints as usize, "{} endpoints are served instead of {endpoints}", weights.len());
    let different = weights.iter().filter(|weight| **weight > 1).count();
    ensure!(different == endpoints.min(changes) as usize, "{different} endpoints differ after {changes} changes");
    Ok(())
}
