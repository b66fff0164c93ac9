//! A Kubernetes API server that forwards ports: the real one hands that on to kubelets, of which there are none here.
//!
//! The protocol is that of kubelets: a WebSocket in which each message starts with the number of its channel, 0 for data
//! and 1 for errors, both opened by a message with the port.
//! <https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go>

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Response, StatusCode, header};
use axum::routing::get;
use axum::{Json, Router};
use evenkeel_tests::envoy::LOOPBACK;
use futures::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// The port that every pod's admin interface has in its pod.
const ADMIN_PORT: u16 = 15000;

/// Pods of the Service `cart` in the namespace `shop`, each with the real address of its admin port.
type Pods = Arc<BTreeMap<&'static str, SocketAddr>>;

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// A running API server; it ends when dropped.
#[derive(Debug)]
pub struct ApiServer {
    serving: JoinHandle<()>,
    folder: TempDir,
}

impl ApiServer {
    /// Serves these pods.
    pub async fn start(pods: impl IntoIterator<Item = (&'static str, SocketAddr)>) -> Result<Self> {
        let pods: Pods = Arc::new(pods.into_iter().collect());
        let routes = Router::new()
            .route("/api/v1/namespaces/shop/services/cart", get(service))
            .route("/api/v1/namespaces/shop/pods", get(list))
            .route("/api/v1/namespaces/shop/pods/{pod}/portforward", get(forward))
            .with_state(pods);
        let listener = TcpListener::bind(LOOPBACK).await?;
        let folder = TempDir::new()?;
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig(listener.local_addr()?))?;
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap_or_default() });
        Ok(Self { serving, folder })
    }

    /// The file that leads to it.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn kubeconfig(server: SocketAddr) -> String {
    let cluster = json!({"name": "test", "cluster": {"server": format!("http://{server}")}});
    let context = json!({"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "shop"}});
    let user = json!({"name": "test", "user": {"token": "none"}});
    json!({"apiVersion": "v1", "kind": "Config", "current-context": "test", "clusters": [cluster], "contexts": [context], "users": [user]})
        .to_string()
}

async fn service() -> Json<Value> {
    let metadata = json!({"name": "cart", "namespace": "shop"});
    Json(json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": {"app": "cart"}}}))
}

async fn list(State(pods): State<Pods>) -> Json<Value> {
    let pod = |name| json!({"metadata": {"name": name, "namespace": "shop"}});
    let items: Vec<Value> = pods.keys().map(pod).collect();
    Json(json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items}))
}

async fn forward(State(pods): State<Pods>, Path(pod): Path<String>, mut request: Request) -> Response<Body> {
    let (Some(&admin), Some(key)) = (pods.get(pod.as_str()), request.headers().get(header::SEC_WEBSOCKET_KEY)) else {
        let status = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "message": format!("pods {pod:?} not found"), "code": 404});
        return answer(StatusCode::NOT_FOUND, &[], status.to_string());
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let upgraded = TokioIo::new(upgrade.await?);
        bridge(WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await, admin).await
    });
    let headers = [
        (header::CONNECTION, "upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_PROTOCOL, "v4.channel.k8s.io"),
        (header::SEC_WEBSOCKET_ACCEPT, accept.as_str()),
    ];
    answer(StatusCode::SWITCHING_PROTOCOLS, &headers, String::new())
}

fn answer(status: StatusCode, headers: &[(header::HeaderName, &str)], body: String) -> Response<Body> {
    let answer =
        headers.iter().fold(Response::builder().status(status), |answer, (name, value)| answer.header(name, *value));
    answer.body(Body::from(body)).unwrap_or_default()
}

/// Says why, and reads what is on its way until the client has heard it: a reset would overtake the reason.
async fn refuse(mut socket: Socket, error: &io::Error) -> Result<()> {
    let reason = format!("failed to forward port {ADMIN_PORT}: {error}");
    socket.send(Message::binary([&[1], reason.as_bytes()].concat())).await?;
    socket.close(None).await?;
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    Ok(())
}

/// Carries bytes until one side ends.
async fn bridge(mut socket: Socket, admin: SocketAddr) -> Result<()> {
    let [low, high] = ADMIN_PORT.to_le_bytes();
    for channel in [0, 1] {
        socket.send(Message::binary(vec![channel, low, high])).await?;
    }
    let mut stream = match TcpStream::connect(admin).await {
        Ok(stream) => stream,
        Err(error) => return refuse(socket, &error).await,
    };
    let mut buffer = vec![0; 16 * 1024];
    loop {
        tokio::select! {
            message = socket.next() => match message.context("the client is gone")?? {
                Message::Binary(bytes) if bytes.first() == Some(&0) => stream.write_all(&bytes[1..]).await?,
                Message::Close(_) => return Ok(()),
                _ => {}
            },
            read = stream.read(&mut buffer) => match read? {
                0 => return Ok(socket.close(None).await?),
                length => socket.send(Message::binary([&[0], &buffer[..length]].concat())).await?,
            },
        }
    }
}
