//! One connection of a persistent client, and one exchange on it.

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::super::Protocol;
use crate::client::drive::reason;

type Body = Full<Bytes>;

/// An empty message of gRPC's framing: not compressed, no bytes.
const EMPTY_MESSAGE: &[u8] = &[0, 0, 0, 0, 0];

/// A connection that can send.
pub(super) struct Sender {
    target: SocketAddr,
    grpc: bool,
    version: Version,
}

enum Version {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// How one exchange ended.
pub(super) enum Sent {
    /// Completely and rightly.
    Answered,
    /// The connection was going away and the request never left.
    Unsent,
    /// For this reason.
    Failed(String),
}

impl Sender {
    pub(super) async fn connect(target: SocketAddr, protocol: Protocol) -> Result<Self> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        let io = TokioIo::new(stream);
        let version = if protocol == Protocol::Http1 {
            let (sender, connection) = http1::handshake(io).await?;
            tokio::spawn(connection);
            Version::Http1(sender)
        } else {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            Version::Http2(sender)
        };
        Ok(Self { target, grpc: protocol == Protocol::Grpc, version })
    }

    /// Whether the connection takes another request.
    pub(super) async fn ready(&mut self) -> bool {
        let ready = match &mut self.version {
            Version::Http1(sender) => sender.ready().await,
            Version::Http2(sender) => sender.ready().await,
        };
        ready.is_ok()
    }

    /// Sends one request with this `x-request-id`.
    pub(super) async fn send(&mut self, id: &str) -> Sent {
        let request = self.request(id);
        let sent = match &mut self.version {
            Version::Http1(sender) => sender.try_send_request(request).await,
            Version::Http2(sender) => sender.try_send_request(request).await,
        };
        match sent {
            Ok(response) => self.judge(response).await,
            Err(error) => unsent_or_failed(error),
        }
    }

    fn request(&self, id: &str) -> Request<Body> {
        let mut request = Request::new(Full::default());
        let path = if self.grpc { "/evenkeel.Echo/Unary" } else { "/" };
        let uri = if matches!(self.version, Version::Http1(_)) {
            path.to_owned()
        } else {
            format!("http://{}{path}", self.target)
        };
        *request.uri_mut() = uri.parse().unwrap_or_default();
        request.headers_mut().extend(self.headers(id));
        if self.grpc {
            *request.method_mut() = http::Method::POST;
            *request.body_mut() = Full::new(Bytes::from_static(EMPTY_MESSAGE));
        }
        request
    }

    fn headers(&self, id: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut add =
            |name: header::HeaderName, value: &str| headers.extend(value.parse().ok().map(|value| (name, value)));
        add(header::HeaderName::from_static("x-request-id"), id);
        match self.version {
            Version::Http1(_) => add(header::HOST, &self.target.to_string()),
            Version::Http2(_) if self.grpc => {
                add(header::CONTENT_TYPE, "application/grpc");
                add(header::TE, "trailers");
            }
            Version::Http2(_) => {}
        }
        headers
    }

    async fn judge(&self, response: Response<Incoming>) -> Sent {
        let (head, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(body) => body,
            Err(error) => return Sent::Failed(reason(&error)),
        };
        // A gRPC answer without messages has its status in the headers.
        let status = body.trailers().unwrap_or(&head.headers).get("grpc-status");
        if head.status.is_success() && (!self.grpc || status.is_some_and(|status| status == "0")) {
            return Sent::Answered;
        }
        Sent::Failed(format!("status {}, grpc-status {status:?}", head.status))
    }
}

fn unsent_or_failed(mut error: TrySendError<Request<Body>>) -> Sent {
    if error.take_message().is_some() { Sent::Unsent } else { Sent::Failed(reason(error.error())) }
}
