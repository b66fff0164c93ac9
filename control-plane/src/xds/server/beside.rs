//! The services beside xDS: health and reflection.

use super::health::Health;
use super::reflection::described;
use super::services::GrpcService;
use super::trailers::trailers;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::Router;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http_body::{Body as _, Frame};
use http_body_util::{BodyStream, StreamBody};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::Routes;
use tracing::error;

/// Calls at one time. People and probes make few; each may be a stream that stays open.
const CALLS: usize = 1000;

/// Health and reflection; every other method is unimplemented.
pub(super) fn routes(health: &Health, services: &[GrpcService], shutdown: CancellationToken) -> Router {
    let mut routes = Routes::builder();
    routes.add_service(health.service());
    match (described(services).build_v1(), described(services).build_v1alpha()) {
        (Ok(v1), Ok(v1alpha)) => drop(routes.add_service(v1).add_service(v1alpha)),
        (Err(error), _) | (_, Err(error)) => error!(%error, "there is no reflection"),
    }
    let calls = Calls { permits: Arc::new(Semaphore::new(CALLS)), shutdown };
    routes.routes().into_axum_router().layer(from_fn_with_state(calls, limited))
}

#[derive(Clone)]
struct Calls {
    permits: Arc<Semaphore>,
    shutdown: CancellationToken,
}

/// Such a stream ends only when its client wants; the end of the server would have to wait for it.
async fn limited(State(calls): State<Calls>, request: Request, next: Next) -> Response {
    let Ok(permit) = calls.permits.try_acquire_owned() else {
        return Status::resource_exhausted("too many calls beside xDS at one time; try later").into_http();
    };
    let response = next.run(request).await;
    if response.body().is_end_stream() {
        return response;
    }
    response.map(|body| Body::new(StreamBody::new(until(calls.shutdown, body, permit))))
}

fn until(
    shutdown: CancellationToken,
    body: Body,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Frame<Bytes>, axum::Error>> {
    let open = Some((BodyStream::new(body), shutdown, permit));
    stream::unfold(open, async |open| {
        let (mut frames, shutdown, permit) = open?;
        tokio::select! {
            biased;
            frame = frames.next() => Some((frame?, Some((frames, shutdown, permit)))),
            () = shutdown.cancelled() => {
                Some((Ok(trailers(&Status::unavailable("the server is shutting down"))), None))
            }
        }
    })
}
