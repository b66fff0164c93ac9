//! An HTTP server that answers as an API server would that has lost its mind: nothing is validated.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use evenkeel_tests::envoy::LOOPBACK;
use evenkeel_tests::wait;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::BroadcastStream;

use super::gateway::PATIENCE;

/// What there is of a resource, and the events for those who watch it.
struct Objects {
    list: Vec<Value>,
    events: broadcast::Sender<Value>,
}

type Resources = Arc<BTreeMap<String, Objects>>;

pub struct FakeApiServer {
    address: SocketAddr,
    resources: Resources,
    serving: JoinHandle<()>,
}

impl FakeApiServer {
    /// Lists these objects of a resource, such as `services`, and none of others.
    pub async fn start(lists: &[(&str, &[Value])]) -> Result<Self> {
        let objects = |list: &[Value]| Objects { list: list.to_vec(), events: broadcast::channel(16).0 };
        let resources: BTreeMap<_, _> =
            lists.iter().map(|(resource, list)| ((*resource).to_owned(), objects(list))).collect();
        let resources = Arc::new(resources);
        let listener = TcpListener::bind(LOOPBACK).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(Arc::clone(&resources));
        let serving = tokio::spawn(async {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, resources, serving })
    }

    /// Sends an event, such as `MODIFIED`, to those who watch the resource, once there is one.
    pub async fn send(&self, resource: &str, kind: &str, object: &Value) -> Result<()> {
        let objects = self.resources.get(resource).with_context(|| format!("no {resource}"))?;
        let watching = async || Ok(objects.events.receiver_count());
        wait::until("a watch", PATIENCE, watching, |count| *count > 0).await?;
        objects.events.send(json!({"type": kind, "object": object}))?;
        Ok(())
    }

    /// Writes a kubeconfig file for it into this folder.
    pub fn kubeconfig(&self, folder: &Path) -> Result<PathBuf> {
        let file = folder.join("kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "clusters": [{"name": "fake", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "fake", "user": {}}],
        });
        fs::write(&file, config.to_string())?;
        Ok(file)
    }
}

impl Drop for FakeApiServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(resources): State<Resources>, RawQuery(query): RawQuery, request: Request) -> Response {
    let path = request.uri().path();
    let resource = path.rsplit('/').next().unwrap_or_default();
    let objects = resources.get(resource);
    if query.is_some_and(|query| query.contains("watch=true")) {
        return watch(objects).into_response();
    }
    let version = path.trim_start_matches("/apis/").trim_start_matches("/api/").trim_end_matches(resource);
    Json(json!({
        "apiVersion": version.trim_end_matches('/'),
        "kind": "List",
        "metadata": {"resourceVersion": "1"},
        "items": objects.map_or(&[][..], |objects| &objects.list),
    }))
    .into_response()
}

/// One line of JSON for each event, without an end.
fn watch(objects: Option<&Objects>) -> Body {
    let Some(objects) = objects else { return Body::from_stream(stream::pending::<Result<Bytes>>()) };
    let events = BroadcastStream::new(objects.events.subscribe());
    Body::from_stream(events.map(|event| event.map(|event| Bytes::from(format!("{event}\n")))))
}
