//! The answers of the backend, by path.
//!
//! | path | answer |
//! | --- | --- |
//! | `/bytes/N` | N bytes |
//! | `/announced/N` | N bytes, with a `content-length` |
//! | `/delay/MILLISECONDS` | the small answer, after that time |
//! | `/trailers` | a small body and the trailer `x-request-id` of the request |
//! | `/forever` | a line every 100 ms, without end |
//! | `/repeat/N` | the request's body N times, one every 100 ms; with `/repeat-announced/N` and a `content-length` |
//! | `/echo` | the request's body as it comes |
//! | `/websocket` | a WebSocket that echoes |
//! | `/evenkeel.Echo/...` | gRPC: `Unary`, `Stream` (`x-stream-millis`, default 1500), `Forever`, `Chat` |
//! | others | the number of bytes of the request's body, any method |

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::time::{interval, sleep};
use tokio_stream::wrappers::IntervalStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::grpc;

/// The body of every answer.
pub type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// How often a stream says something.
pub(super) const STREAM_INTERVAL: Duration = Duration::from_millis(100);

/// Answers one request.
///
/// # Errors
/// When the request's body breaks off.
pub async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let mut segments = path.trim_start_matches('/').splitn(2, '/');
    let (first, rest) = (segments.next().unwrap_or(""), segments.next().unwrap_or(""));
    match first {
        "bytes" => Ok(Response::new(bytes(rest.parse().unwrap_or(0)))),
        "announced" => Ok(Response::new(full(Bytes::from(vec![b'e'; rest.parse().unwrap_or(0)])))),
        "delay" => {
            sleep(Duration::from_millis(rest.parse().unwrap_or(0))).await;
            count(request).await
        }
        "trailers" => trailers(request).await,
        "forever" => Ok(Response::new(forever(Bytes::from_static(b"still here\n")))),
        "repeat" | "repeat-announced" => repeat(request, rest.parse().unwrap_or(0), first == "repeat-announced").await,
        "echo" => Ok(Response::new(request.into_body().boxed_unsync())),
        "websocket" => Ok(websocket(request)),
        grpc::SERVICE => grpc::answer(rest, request).await,
        _ => count(request).await,
    }
}

/// A body that is there at once.
pub(super) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(never).boxed_unsync()
}

/// A body whose length is not announced: HTTP/1 has no room for trailers behind a content-length.
pub(super) fn with_trailers(bytes: Bytes, trailers: HeaderMap) -> Body {
    let frames = [Ok(Frame::data(bytes)), Ok(Frame::trailers(trailers))];
    StreamBody::new(futures::stream::iter(frames)).boxed_unsync()
}

/// The same piece again and again; it ends with the connection.
pub(super) fn forever(piece: Bytes) -> Body {
    repeated(piece, usize::MAX)
}

/// The same piece so many times, one every [`STREAM_INTERVAL`].
fn repeated(piece: Bytes, times: usize) -> Body {
    let ticks = IntervalStream::new(interval(STREAM_INTERVAL)).take(times);
    StreamBody::new(ticks.map(move |_| Ok(Frame::data(piece.clone())))).boxed_unsync()
}

fn never(impossible: Infallible) -> hyper::Error {
    match impossible {}
}

/// Pieces of 16 KiB, so that a large body is a stream and not one buffer.
fn bytes(length: usize) -> Body {
    const PIECE: &[u8] = &[b'e'; 16 * 1024];
    let pieces = (0..length).step_by(PIECE.len()).map(move |from| &PIECE[..PIECE.len().min(length - from)]);
    let frames = pieces.map(|piece| Ok(Frame::data(Bytes::from_static(piece))));
    StreamBody::new(futures::stream::iter(frames)).boxed_unsync()
}

async fn count(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let mut body = request.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(Response::new(full(Bytes::from(format!("{length}\n")))))
}

async fn repeat(request: Request<Incoming>, times: usize, is_announced: bool) -> Result<Response<Body>, hyper::Error> {
    let piece = request.into_body().collect().await?.to_bytes();
    let length = HeaderValue::from(piece.len() * times);
    let mut response = Response::new(repeated(piece, times));
    if is_announced {
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    Ok(response)
}

async fn trailers(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let id = request.headers().get("x-request-id").cloned().unwrap_or(HeaderValue::from_static("none"));
    request.into_body().collect().await?;
    let trailers = HeaderMap::from_iter([(header::HeaderName::from_static("x-request-id"), id)]);
    let mut response = Response::new(with_trailers(Bytes::from_static(b"trailers follow\n"), trailers));
    // HTTP/1 sends only trailers that were announced.
    response.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-request-id"));
    Ok(response)
}

fn websocket(mut request: Request<Incoming>) -> Response<Body> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let Some(accept) = key.and_then(|key| HeaderValue::from_str(&key).ok()) else {
        return status(StatusCode::UPGRADE_REQUIRED);
    };
    tokio::spawn(echo_messages(hyper::upgrade::on(&mut request)));
    let mut response = status(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

async fn echo_messages(upgrade: hyper::upgrade::OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        let echoed = message.is_text() || message.is_binary();
        if message.is_close() || (echoed && socket.send(message).await.is_err()) {
            return;
        }
    }
}

pub(super) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = status;
    response
}
