//! HTTP/2 over the connections that come in.
//!
//! tonic's own transport ends all connections or none. Here one can be ended alone, and gracefully.

use super::connection::Connection;
use axum::Router;
use futures::{Stream, StreamExt};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

/// Streams per connection. Envoy opens one per cluster unless it uses the aggregated service.
const MAX_STREAMS_PER_CONNECTION: u32 = 20_000;
/// A connection that is silent for this long is asked for a sign of life.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// A connection that does not answer within this is closed.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How each connection is served.
#[derive(Clone)]
pub(super) struct Transport {
    http2: http2::Builder<TokioExecutor>,
    routes: TowerToHyperService<Router>,
    shutdown: CancellationToken,
}

impl Transport {
    pub(super) fn new(routes: Router, shutdown: CancellationToken) -> Self {
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        Self { http2, routes: TowerToHyperService::new(routes), shutdown }
    }

    /// Serves until the shutdown. Then nothing more is accepted, and this returns when the last connection has ended.
    pub(super) async fn serve(self, incoming: impl Stream<Item = Connection>) {
        let connections = TaskTracker::new();
        let accept = incoming.for_each(async |connection| drop(connections.spawn(self.clone().serve_one(connection))));
        tokio::select! {
            () = accept => {}
            () = self.shutdown.cancelled() => {}
        }
        connections.close();
        connections.wait().await;
    }

    async fn serve_one(self, connection: Connection) {
        let (peer, routes) = (connection.peer(), self.routes);
        let (ending, closing) = (peer.ending(), peer.closing());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            peer.speaks();
            request.extensions_mut().insert(peer.clone());
            routes.call(request)
        });
        let mut served = pin!(self.http2.serve_connection(TokioIo::new(connection), service));
        let ended = tokio::select! {
            ended = &mut served => ended,
            () = ending.cancelled() => {
                served.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    () = closing.cancelled() => return debug!("a connection is closed"),
                    ended = served => ended,
                }
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection ended");
        }
    }
}
