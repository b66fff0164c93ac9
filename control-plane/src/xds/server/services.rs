//! Which service and method is which stream.

use super::Server;
use super::beside;
use super::health::Health;
use super::peer::Peer;
use super::session::{Opening, Session};
use crate::xds::stream::{DiscoveryStream, Scope};
use crate::xds::{DeltaStream, ResourceType, SotwStream};
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use axum::routing::{Router, post};
use std::sync::Arc;
use tokio::sync::Semaphore;

const EDS: Scope = Scope::Single(ResourceType::ClusterLoadAssignment);

/// The discovery services, by their full names.
pub(super) const DISCOVERY: [&str; 2] =
    ["envoy.service.discovery.v3.AggregatedDiscoveryService", "envoy.service.endpoint.v3.EndpointDiscoveryService"];

/// A service that is served beside xDS, on the same connections and under the same limits for them.
#[derive(Clone, Debug)]
pub struct GrpcService {
    /// The full name, such as `evenkeel.rebalance.v1.Rebalance`.
    pub name: &'static str,
    /// An encoded `google.protobuf.FileDescriptorSet` with the service, for reflection.
    pub descriptors: &'static [u8],
    /// Its methods, each at `/NAME/METHOD`. Requests have a [`Peer`] as extension.
    pub routes: Router,
}

/// The streaming methods of EDS and ADS, and what is beside them. There is no unary Fetch.
pub(super) fn routes(server: Server, health: &Health) -> Router {
    let beside = beside::routes(health, &server.services, server.shutdown.clone());
    let others = server.services.iter().map(|service| service.routes.clone());
    let beside = others.fold(beside, Router::merge);
    discovery(server).merge(beside).with_state(())
}

fn discovery(server: Server) -> Router {
    let streams = Arc::new(Semaphore::new(server.limits.streams.min(Semaphore::MAX_PERMITS)));
    Router::new()
        .route("/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints", post(stream_endpoints))
        .route("/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints", post(delta_endpoints))
        .route(
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
            post(stream_aggregated_resources),
        )
        .route(
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
            post(delta_aggregated_resources),
        )
        .with_state(Discovery { server: Arc::new(server), streams })
}

/// What the discovery services share.
#[derive(Clone)]
struct Discovery {
    server: Arc<Server>,
    streams: Arc<Semaphore>,
}

impl Discovery {
    fn open<S>(self, transport: &'static str, peer: Peer, stream: S, request: Request) -> Response
    where
        S: DiscoveryStream + Send + 'static,
        S::Request: prost::Message + Default + 'static,
    {
        match self.server.admit(&self.streams, &peer, request.headers()) {
            Ok(permit) => {
                Session::new(self.server, Opening { transport, peer, permit }, stream, request).into_response()
            }
            Err(refusal) => {
                self.server.metrics.refused(refusal.reason());
                refusal.status().into_http()
            }
        }
    }
}

async fn stream_endpoints(
    State(all): State<Discovery>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    all.open("eds_sotw", peer, SotwStream::new(EDS), request)
}

async fn delta_endpoints(State(all): State<Discovery>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    all.open("eds_delta", peer, DeltaStream::new(EDS), request)
}

async fn stream_aggregated_resources(
    State(all): State<Discovery>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    all.open("ads_sotw", peer, SotwStream::new(Scope::Aggregated), request)
}

async fn delta_aggregated_resources(
    State(all): State<Discovery>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    all.open("ads_delta", peer, DeltaStream::new(Scope::Aggregated), request)
}
