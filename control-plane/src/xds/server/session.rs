//! One stream, between its state machine and the transport.

use super::clients::{Client, Entered};
use super::deadline::{Deadline, End};
use super::peer::Peer;
use super::trailers::trailers;
use super::{Server, Snapshots};
use crate::xds::metrics::Open;
use crate::xds::stream::{DiscoveryStream, Received, Rejected, Verdict};
use crate::xds::{Response, Snapshot};
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderValue, header::CONTENT_TYPE};
use http_body::Frame;
use http_body_util::StreamBody;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::coop::consume_budget;
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
    client: Arc<Client<S>>,
    requests: Streaming<S::Request>,
    snapshots: Snapshots,
    deadline: Deadline,
    /// Since when something may be due; `None` while the client has everything.
    due: Option<Instant>,
    unknown_type_reported: bool,
    _listed: Entered,
    _counted: Open,
    _permit: OwnedSemaphorePermit,
}

/// How a stream is opened: which kind it is, by whom, and the permission to do so.
pub(super) struct Opening {
    pub(super) transport: &'static str,
    pub(super) peer: Peer,
    pub(super) permit: OwnedSemaphorePermit,
}

impl<S> Session<S>
where
    S: DiscoveryStream + Send + 'static,
    S::Request: prost::Message + Default + 'static,
{
    pub(super) fn new(server: Arc<Server>, opening: Opening, stream: S, request: Request) -> Self {
        let decoder = ProstDecoder::new(BufferSettings::new(REQUEST_BUFFER, REQUEST_YIELD));
        let (client, listed) = Client::enter(&server.clients, opening.transport, opening.peer, stream);
        Self {
            client,
            requests: Streaming::new_request(decoder, request.into_body(), None, Some(MAX_REQUEST_SIZE)),
            snapshots: server.snapshots.clone(),
            deadline: Deadline::new(&server.limits),
            due: None,
            unknown_type_reported: false,
            _listed: listed,
            _counted: server.metrics.opened(opening.transport),
            _permit: opening.permit,
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
        // Boxed, since it is moved with every response.
        let responses = stream::unfold(Some(Box::new(self)), |session| async {
            let mut session = session?;
            session.client.taken();
            match session.next_response().await {
                Ok(response) => Some((session.frames(&response), Some(session))),
                Err(status) => Some((vec![trailers(&status)], None)),
            }
        });
        responses.flat_map(|frames| stream::iter(frames.into_iter().map(Ok)))
    }

    /// Waits until a response is due. The error is how the stream ends.
    async fn next_response(&mut self) -> Result<Response, Status> {
        loop {
            let snapshot = self.snapshots.borrow_and_update().clone();
            if let Some(response) = snapshot.and_then(|snapshot| self.respond(&snapshot)) {
                return Ok(response);
            }
            // Requests come last: a client that never stops asking outlasts neither its time nor the server.
            tokio::select! {
                biased;
                end = self.deadline.passed() => return Err(self.end(end)),
                changed = self.snapshots.changed() => {
                    changed.map_err(|_| self.nothing_more_comes())?;
                    self.due = self.due.or_else(|| self.server.metrics.newest_snapshot());
                }
                request = self.requests.message() => {
                    let request = request?.ok_or_else(|| Status::ok("the client has closed the stream"))?;
                    self.receive(request)?;
                }
            }
            // A client that never stops asking gives others a turn.
            consume_budget().await;
        }
    }

    fn respond(&mut self, snapshot: &Snapshot) -> Option<Response> {
        let (response, due) = self.client.respond(snapshot, self.due.take())?;
        self.due = Some(due);
        self.server.metrics.pushed(&response, due.elapsed());
        Some(response)
    }

    fn receive(&mut self, request: S::Request) -> Result<(), Status> {
        self.deadline.spoke();
        self.due = self.due.or_else(|| Some(Instant::now()));
        let (received, converged) = self.client.request(request).map_err(|rejected| status(&rejected))?;
        self.server.metrics.received(&received);
        if let Some((resource_type, after)) = converged {
            self.server.metrics.converged(resource_type, after);
        }
        self.report(&received);
        Ok(())
    }

    fn report(&mut self, received: &Received) {
        match (&received.resource_type, &received.verdict) {
            (None, _) if !self.unknown_type_reported => {
                self.unknown_type_reported = true;
                let node = self.client.node_id();
                warn!(node, "the client asks for a type that is not served; such requests get no answer");
            }
            (Some(resource_type), Verdict::Nack(reason)) => {
                let reason: String = reason.chars().take(LOGGED_REASON).collect();
                let node = self.client.node_id();
                warn!(node, r#type = resource_type.name(), reason, "the client has rejected a response");
            }
            _ => debug!(?received, "request"),
        }
    }

    /// The connection can send these without a copy.
    fn frames(&self, response: &Response) -> Vec<Frame<Bytes>> {
        let chunks = response.chunks();
        self.client.announce(&chunks);
        chunks.into_iter().map(Frame::data).collect()
    }

    fn nothing_more_comes(&self) -> Status {
        if self.server.shutdown.is_cancelled() {
            return self.end(End::Shutdown);
        }
        Status::unavailable("the server has no source any more")
    }

    fn end(&self, end: End) -> Status {
        self.server.metrics.ended(end.reason());
        debug!(node = self.client.node_id(), ?end, "the stream is ended");
        end.status()
    }
}

fn status(rejected: &Rejected) -> Status {
    match rejected {
        Rejected::MissingNode | Rejected::MissingTypeUrl | Rejected::WrongTypeUrl { .. } => {
            Status::invalid_argument(rejected.to_string())
        }
        Rejected::TooManyNames(_) => Status::resource_exhausted(rejected.to_string()),
    }
}
