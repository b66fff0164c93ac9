//! The first complete answer: every endpoint of every service, on one stream.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use evenkeel_proto::CLUSTER_LOAD_ASSIGNMENT;
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use evenkeel_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use evenkeel_proto::envoy::service::endpoint::v3::endpoint_discovery_service_client::EndpointDiscoveryServiceClient;
use futures::channel::mpsc::unbounded;
use prost::Message;
use tokio::time::sleep;
use tonic::{Code, Status, Streaming};

use super::objects::{ENDPOINTS_PER_SERVICE, resource};

/// How soon a refused client comes back.
const RETRY: Duration = Duration::from_millis(20);

/// Asks until the server answers, and reads until it has said everything. Returns the size of all responses.
pub async fn complete(server: SocketAddr, services: u32) -> Result<u64> {
    loop {
        match attempt(server, services).await {
            Err(error) if is_not_ready(&error) => sleep(RETRY).await,
            answered => return answered,
        }
    }
}

fn is_not_ready(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Status>().is_some_and(|status| status.code() == Code::Unavailable)
}

async fn attempt(server: SocketAddr, services: u32) -> Result<u64> {
    let mut client = EndpointDiscoveryServiceClient::connect(format!("http://{server}")).await?;
    let (requests, outgoing) = unbounded();
    requests.unbounded_send(subscription(services))?;
    let mut responses = client.delta_endpoints(outgoing).await?.into_inner();
    let mut answer = Answer::default();
    while answer.names.len() < services as usize {
        let response_nonce = answer.take(next(&mut responses).await?)?;
        let type_url = CLUSTER_LOAD_ASSIGNMENT.to_owned();
        requests.unbounded_send(DeltaDiscoveryRequest { type_url, response_nonce, ..Default::default() })?;
    }
    let expected = (services * ENDPOINTS_PER_SERVICE) as usize;
    ensure!(answer.endpoints == expected, "the first answer has {} endpoints of {expected}", answer.endpoints);
    Ok(answer.bytes)
}

async fn next(responses: &mut Streaming<DeltaDiscoveryResponse>) -> Result<DeltaDiscoveryResponse> {
    responses.message().await?.context("the server has ended the stream")
}

fn subscription(services: u32) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        node: Some(Node { id: "cold-start".to_owned(), ..Node::default() }),
        type_url: CLUSTER_LOAD_ASSIGNMENT.to_owned(),
        resource_names_subscribe: (0..services).map(resource).collect(),
        ..DeltaDiscoveryRequest::default()
    }
}

/// What has come so far.
#[derive(Default)]
struct Answer {
    names: BTreeSet<String>,
    endpoints: usize,
    bytes: u64,
}

impl Answer {
    /// Returns the nonce.
    fn take(&mut self, response: DeltaDiscoveryResponse) -> Result<String> {
        self.bytes += response.encoded_len() as u64;
        for resource in response.resources {
            let any = resource.resource.context("a resource without content")?;
            let assignment = ClusterLoadAssignment::decode(any.value)?;
            self.endpoints += assignment.endpoints.iter().map(|locality| locality.lb_endpoints.len()).sum::<usize>();
            if !self.names.insert(resource.name) {
                bail!("a resource was sent twice");
            }
        }
        Ok(response.nonce)
    }
}
