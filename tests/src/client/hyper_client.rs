//! hyper-util's pooling client with its defaults.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::connector::CountingConnector;
use super::drive::{drive, on_own_threads, reason};
use super::{DOWNLOAD, Kind, Load, Outcome, SMALL, UPLOAD};

pub(super) async fn run(load: &Load, http2: bool) -> Result<Outcome> {
    let load = load.clone();
    on_own_threads(load.threads, async move || requests(&load, http2).await).await
}

/// The same for a caller that is on a runtime of its own already.
pub(super) async fn requests(load: &Load, http2: bool) -> Result<Outcome> {
    let dials = Arc::new(AtomicU64::new(0));
    let client = Client::builder(TokioExecutor::new()).http2_only(http2).build(CountingConnector::new(&dials));
    let (target, kind) = (load.target, load.kind);
    let sent = drive(load, move |id| exchange(client.clone(), request(target, kind, &id), kind, id)).await?;
    Ok(Outcome { dials: Some(dials.load(Ordering::Relaxed)), ..sent })
}

fn request(target: SocketAddr, kind: Kind, id: &str) -> Request<Full<Bytes>> {
    let (method, path, length) = match kind {
        Kind::Download => ("GET", format!("/bytes/{DOWNLOAD}"), 0),
        Kind::Trailers => ("GET", "/trailers".to_owned(), 0),
        Kind::Upload => ("POST", "/".to_owned(), UPLOAD),
        Kind::Post | Kind::PostOnce => ("POST", "/".to_owned(), SMALL),
        _ => ("GET", "/".to_owned(), 0),
    };
    let mut request = Request::new(Full::from(vec![b'e'; length]));
    *request.method_mut() = method.parse().unwrap_or_default();
    *request.uri_mut() = format!("http://{target}{path}").parse().unwrap_or_default();
    request.headers_mut().extend(id.parse().ok().map(|id| (header::HeaderName::from_static("x-request-id"), id)));
    if kind == Kind::Trailers {
        request.headers_mut().insert(header::TE, header::HeaderValue::from_static("trailers"));
    }
    request
}

async fn exchange(
    client: Client<CountingConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
    kind: Kind,
    id: String,
) -> Result<(), String> {
    let response = client.request(request).await.map_err(|error| reason(&error))?;
    judge(response, kind, &id).await
}

/// Reads the whole answer and checks it.
async fn judge(response: Response<Incoming>, kind: Kind, id: &str) -> Result<(), String> {
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| reason(&error))?;
    let trailer = body.trailers().and_then(|trailers| trailers.get("x-request-id")).cloned();
    let content = body.to_bytes();
    let right = match kind {
        Kind::Download => content.len() == DOWNLOAD,
        Kind::Trailers => trailer.is_some_and(|trailer| trailer == id),
        Kind::Upload => content == format!("{UPLOAD}\n"),
        Kind::Post | Kind::PostOnce => content == format!("{SMALL}\n"),
        _ => content == "0\n",
    };
    if status.is_success() && right { Ok(()) } else { Err(format!("status {status}, body of {} bytes", content.len())) }
}
