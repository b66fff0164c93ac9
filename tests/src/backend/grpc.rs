//! gRPC without generated code: messages are opaque bytes and are echoed.
//!
//! Framing and trailers are those of "gRPC over HTTP2": a flag byte, four bytes of length, the message; the status comes
//! in the trailers.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use tokio::time::interval;
use tokio_stream::wrappers::IntervalStream;

use super::answer::{Body, STREAM_INTERVAL, forever, full, with_trailers};

/// The service's name, the first segment of its paths.
pub(super) const SERVICE: &str = "evenkeel.Echo";

/// `OK` and `UNIMPLEMENTED` of gRPC's status codes.
const OK: u16 = 0;
const UNIMPLEMENTED: u16 = 12;

pub(super) async fn answer(method: &str, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let body = match method {
        "Unary" => with_trailers(request.into_body().collect().await?.to_bytes(), status(OK)),
        "Stream" => {
            let messages = count(&request);
            repeated(request.into_body().collect().await?.to_bytes(), messages)
        }
        "Forever" => forever(request.into_body().collect().await?.to_bytes()),
        "Chat" => request.into_body().with_trailers(async { Some(Ok(status(OK))) }).boxed_unsync(),
        _ => return Ok(unimplemented()),
    };
    Ok(response(body))
}

/// One message now and one at each interval until the asked time is over.
fn count(request: &Request<Incoming>) -> usize {
    let asked = request.headers().get("x-stream-millis").and_then(|value| value.to_str().ok()?.parse().ok());
    let length = Duration::from_millis(asked.unwrap_or(1500));
    1 + usize::try_from(length.as_millis() / STREAM_INTERVAL.as_millis()).unwrap_or(0)
}

fn repeated(message: Bytes, times: usize) -> Body {
    let ticks = IntervalStream::new(interval(STREAM_INTERVAL)).take(times);
    let frames = ticks.map(move |_| Ok(Frame::data(message.clone())));
    StreamBody::new(frames).with_trailers(async { Some(Ok(status(OK))) }).boxed_unsync()
}

fn response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// An answer without messages has its status in the headers.
fn unimplemented() -> Response<Body> {
    let mut response = response(full(Bytes::new()));
    response.headers_mut().extend(status(UNIMPLEMENTED));
    response
}

fn status(code: u16) -> HeaderMap {
    HeaderMap::from_iter([(header::HeaderName::from_static("grpc-status"), HeaderValue::from(code))])
}
