//! The port.

use super::{FilterModules, Limits};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

/// When no connection can be accepted, as without free file descriptors, another attempt at once would fail as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// What has this name never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Serves the binaries as long as the process lives.
pub async fn serve(listener: TcpListener, modules: FilterModules, limits: Limits) {
    let (routes, places) = (routes(modules), Arc::new(Semaphore::new(limits.connections)));
    // A place is taken before a connection is: those for whom there is none wait in the backlog.
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((connection, _)) => drop(tokio::spawn(serve_one(connection, routes.clone(), limits, place))),
            Err(error) => {
                warn!(%error, "no connection for the filter can be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_one(connection: TcpStream, routes: Router, limits: Limits, _place: OwnedSemaphorePermit) {
    let mut http1 = http1::Builder::new();
    // Who fetches does so once: a connection that stays would only take a place.
    http1.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(limits.silence);
    let served = http1.serve_connection(TokioIo::new(connection), TowerToHyperService::new(routes));
    match timeout(limits.age, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection for the filter ended"),
        Err(_) => debug!("a connection for the filter was closed: it took longer than {:?}", limits.age),
    }
}

fn routes(modules: FilterModules) -> Router {
    Router::new().route("/filter/{file}", get(filter)).fallback(unknown).with_state(modules)
}

/// `HEAD` is answered as `GET`, without the body.
async fn filter(State(modules): State<FilterModules>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(sha256) = file.strip_suffix(".wasm").filter(|name| is_sha256(name)) else {
        return absent(StatusCode::NOT_FOUND, &modules);
    };
    let Some(module) = modules.get(sha256) else {
        return ([(RETRY_AFTER, "1")], absent(StatusCode::SERVICE_UNAVAILABLE, &modules)).into_response();
    };
    let tag = format!("\"{}\"", module.sha256());
    let lasting = [(CACHE_CONTROL, FOR_EVER.to_owned()), (ETAG, tag.clone())];
    if names(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, lasting).into_response();
    }
    (lasting, [(CONTENT_TYPE, "application/wasm")], module.content.clone()).into_response()
}

/// Whether the client has it already: <https://www.rfc-editor.org/rfc/rfc9110#field.if-none-match>.
fn names(headers: &HeaderMap, tag: &str) -> bool {
    let listed = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

fn is_sha256(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

async fn unknown(State(modules): State<FilterModules>) -> Response {
    absent(StatusCode::NOT_FOUND, &modules)
}

/// While replicas are updated one may be asked for what only another has. Istio's agent tries again after a 503, on a new
/// connection, and gives the filter up after a 404:
/// <https://github.com/istio/istio/blob/1.31.0/pkg/wasm/httpfetcher.go>.
fn absent(status: StatusCode, modules: &FilterModules) -> Response {
    let text = format!("this replica does not have it; the filter that it has is {}\n", modules.current().path());
    (status, [(CACHE_CONTROL, "no-store")], text).into_response()
}
