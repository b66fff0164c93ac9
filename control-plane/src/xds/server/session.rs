//! One stream, between its state machine and the transport.

use super::{Server, Snapshots};
use crate::xds::Response;
use crate::xds::metrics::OpenStream;
use crate::xds::stream::{DiscoveryStream, Received, Rejected, Verdict};
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use http_body::Frame;
use http_body_util::StreamBody;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Sleep, sleep};
use tonic::Status;
use tonic::codec::{BufferSettings, Streaming};
use tonic_prost::ProstDecoder;
use tracing::{debug, warn};

/// Requests larger than this are refused, in bytes.
const MAX_REQUEST_SIZE: usize = 4 << 20;
/// Requests are small. Each stream starts with a buffer of this size, in bytes.
const REQUEST_BUFFER: usize = 1 << 10;
/// After so many bytes decoding gives others a turn.
const REQUEST_YIELD: usize = 32 << 10;
/// Clients explain rejections at length. More characters than this are not logged.
const LOGGED_REASON: usize = 500;

/// An open stream.
pub(super) struct Session<S: DiscoveryStream> {
    server: Arc<Server>,
    stream: S,
    requests: Streaming<S::Request>,
    snapshots: Snapshots,
    age: Option<Pin<Box<Sleep>>>,
    unknown_type_reported: bool,
    _open: OpenStream,
}

impl<S> Session<S>
where
    S: DiscoveryStream + Send + 'static,
    S::Request: prost::Message + Default + 'static,
{
    pub(super) fn new(server: Arc<Server>, transport: &'static str, stream: S, request: Request) -> Self {
        let decoder = ProstDecoder::new(BufferSettings::new(REQUEST_BUFFER, REQUEST_YIELD));
        Self {
            stream,
            requests: Streaming::new_request(decoder, request.into_body(), None, Some(MAX_REQUEST_SIZE)),
            snapshots: server.snapshots.clone(),
            age: server.max_stream_age.map(|age| Box::pin(sleep(jittered(age)))),
            unknown_type_reported: false,
            _open: server.metrics.opened(transport),
            server,
        }
    }

    /// The HTTP response whose body is this stream.
    pub(super) fn into_response(self) -> axum::response::Response {
        let mut response = axum::response::Response::new(Body::new(StreamBody::new(self.into_frames())));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        response
    }

    /// The frames of the body. The next response is made when the transport has taken all frames of the one before.
    fn into_frames(self) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
        let responses = stream::unfold(Some(self), |session| async {
            let mut session = session?;
            match session.next_response().await {
                Ok(response) => Some((data(&response), Some(session))),
                Err(status) => Some((vec![trailers(&status)], None)),
            }
        });
        responses.flat_map(|frames| stream::iter(frames.into_iter().map(Ok)))
    }

    /// Waits until a response is due. The error is how the stream ends.
    async fn next_response(&mut self) -> Result<Response, Status> {
        loop {
            let snapshot = self.snapshots.borrow_and_update().clone();
            if let Some(response) = snapshot.and_then(|snapshot| self.stream.respond(&snapshot)) {
                self.server.metrics.pushed(&response);
                return Ok(response);
            }
            tokio::select! {
                biased;
                status = ended(&self.server, &mut self.age) => return Err(status),
                request = self.requests.message() => {
                    let request = request?.ok_or_else(|| Status::ok("the client has closed the stream"))?;
                    self.receive(request)?;
                }
                changed = self.snapshots.changed() => {
                    changed.map_err(|_| Status::unavailable("the server has no source any more"))?;
                }
            }
        }
    }

    fn receive(&mut self, request: S::Request) -> Result<(), Status> {
        let received = self.stream.request(request).map_err(|rejected| status(&rejected))?;
        self.server.metrics.received(&received);
        self.report(&received);
        Ok(())
    }

    fn report(&mut self, received: &Received) {
        let node = self.stream.node().map_or("", |node| node.id.as_str());
        match (&received.resource_type, &received.verdict) {
            (None, _) if !self.unknown_type_reported => {
                self.unknown_type_reported = true;
                warn!(node, "the client asks for a type that is not served; such requests get no answer");
            }
            (Some(resource_type), Verdict::Nack(reason)) => {
                let reason: String = reason.chars().take(LOGGED_REASON).collect();
                warn!(node, r#type = resource_type.name(), reason, "the client has rejected a response");
            }
            _ => debug!(node, ?received, "request"),
        }
    }
}

/// Waits until the server itself has a reason to end the stream.
async fn ended(server: &Server, age: &mut Option<Pin<Box<Sleep>>>) -> Status {
    let aged = async {
        match age {
            Some(age) => age.await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = server.shutdown.cancelled() => Status::unavailable("the server is shutting down"),
        () = aged => Status::unavailable("the stream has reached its age; open another"),
    }
}

/// Up to a tenth less.
fn jittered(age: Duration) -> Duration {
    age.mul_f64(rand::random_range(0.9..=1.0))
}

fn status(rejected: &Rejected) -> Status {
    match rejected {
        Rejected::MissingNode | Rejected::MissingTypeUrl | Rejected::WrongTypeUrl { .. } => {
            Status::invalid_argument(rejected.to_string())
        }
        Rejected::TooManyNames(_) => Status::resource_exhausted(rejected.to_string()),
    }
}

fn data(response: &Response) -> Vec<Frame<Bytes>> {
    response.chunks().into_iter().map(Frame::data).collect()
}

fn trailers(status: &Status) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    // It fails only for a message that cannot be a header value; then the bare code has to do.
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from(i32::from(status.code())));
    }
    Frame::trailers(trailers)
}
