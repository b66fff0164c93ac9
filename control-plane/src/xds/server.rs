//! The xDS server: sockets, streams, and nothing that decides.
//!
//! A stream is driven by the transport: a response is made when HTTP/2 has taken the one before and asks for more, from
//! the newest snapshot of that moment. So at most one response per stream waits here, a slow client skips the states in
//! between, and nothing has to be queued. Beside that, HTTP/2 keeps what it has taken but not yet written, at most
//! about 400 KB per stream plus one chunk.

mod listener;
mod session;

pub use listener::bind;

use super::metrics::XdsMetrics;
use super::stream::{DiscoveryStream, Scope};
use super::{DeltaStream, ResourceType, Snapshot, SotwStream};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use session::Session;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::server::TcpIncoming;

/// Streams per HTTP/2 connection. Envoy opens one per cluster unless it uses the aggregated service.
const MAX_STREAMS_PER_CONNECTION: u32 = 20_000;
/// A connection that is silent for this long is asked for a sign of life.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// A connection that does not answer within this is closed.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

const EDS: Scope = Scope::Single(ResourceType::ClusterLoadAssignment);

/// The newest snapshot, for as many readers as there are streams. Each is told of changes and then reads what is newest.
pub type Snapshots = watch::Receiver<Option<Arc<Snapshot>>>;

/// What every stream needs.
#[derive(Debug)]
pub struct Server {
    /// The newest snapshot, `None` until the source has been read completely.
    pub snapshots: Snapshots,
    /// Counts what happens.
    pub metrics: XdsMetrics,
    /// Ends all streams and then the server.
    pub shutdown: CancellationToken,
    /// Streams older than this are ended; clients come back at once, perhaps to another replica. Each stream ends up to
    /// a tenth earlier, so that they do not end together.
    pub max_stream_age: Option<Duration>,
}

impl Server {
    /// Serves until the shutdown: then the listener is closed, every stream ends with `UNAVAILABLE`, and this returns when
    /// the last client has been told.
    pub async fn serve(self, listener: TcpListener) -> Result<(), tonic::transport::Error> {
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(KEEPALIVE_INTERVAL));
        let shutdown = self.shutdown.clone();
        tonic::transport::Server::builder()
            .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .add_routes(self.routes().into())
            .serve_with_incoming_shutdown(incoming, shutdown.cancelled_owned())
            .await
    }

    /// The streaming methods of EDS and ADS. There is no unary Fetch.
    fn routes(self) -> Router {
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
            .fallback(async || Status::unimplemented("no such method").into_http::<axum::body::Body>())
            .with_state(Arc::new(self))
    }

    fn open<S>(self: Arc<Self>, transport: &'static str, stream: S, request: Request) -> Response
    where
        S: DiscoveryStream + Send + 'static,
        S::Request: prost::Message + Default + 'static,
    {
        if let Err(status) = self.accepts_streams() {
            self.metrics.refused();
            return status.into_http();
        }
        Session::new(self, transport, stream, request).into_response()
    }

    /// An empty answer before everything is known would take away what the client still has.
    fn accepts_streams(&self) -> Result<(), Status> {
        if self.shutdown.is_cancelled() {
            return Err(Status::unavailable("the server is shutting down"));
        }
        if self.snapshots.borrow().is_none() {
            return Err(Status::unavailable("the endpoints have not been read completely yet"));
        }
        Ok(())
    }
}

async fn stream_endpoints(State(server): State<Arc<Server>>, request: Request) -> Response {
    server.open("eds_sotw", SotwStream::new(EDS), request)
}

async fn delta_endpoints(State(server): State<Arc<Server>>, request: Request) -> Response {
    server.open("eds_delta", DeltaStream::new(EDS), request)
}

async fn stream_aggregated_resources(State(server): State<Arc<Server>>, request: Request) -> Response {
    server.open("ads_sotw", SotwStream::new(Scope::Aggregated), request)
}

async fn delta_aggregated_resources(State(server): State<Arc<Server>>, request: Request) -> Response {
    server.open("ads_delta", DeltaStream::new(Scope::Aggregated), request)
}
