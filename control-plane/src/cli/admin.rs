//! Asks an admin port: Envoy's, or that of a control plane.

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The config dump of a large mesh has tens of megabytes.
const PATIENCE: Duration = Duration::from_mins(1);
/// The reason comes just before the end, on the same connection.
const REASON: Duration = Duration::from_secs(1);

/// Where an admin port is.
pub enum Admin {
    /// Host and port.
    Address(String),
    /// A pod, by name, and the port in it.
    Pod(Box<Api<Pod>>, String, u16),
}

impl Admin {
    /// The answer to GET.
    pub async fn get(&self, path: &str) -> anyhow::Result<String> {
        let answer = timeout(PATIENCE, self.exchange(path)).await;
        answer.map_err(|_| anyhow::anyhow!("no answer within {PATIENCE:?}")).and_then(|answer| answer)
    }

    async fn exchange(&self, path: &str) -> anyhow::Result<String> {
        match self {
            Self::Address(address) => get(TcpStream::connect(address).await?, path).await,
            Self::Pod(api, pod, port) => forwarded(api, pod, *port, path).await,
        }
    }
}

/// A kubelet tells on a channel of its own why it cannot reach the port, and then ends the stream.
async fn forwarded(api: &Api<Pod>, pod: &str, port: u16, path: &str) -> anyhow::Result<String> {
    let mut forwarder = api.portforward(pod, &[port]).await?;
    let stream = forwarder.take_stream(port).context("the port was not forwarded")?;
    let reason = forwarder.take_error(port).context("the port was not forwarded")?;
    match get(stream, path).await {
        Ok(answer) => Ok(answer),
        Err(error) => match timeout(REASON, reason).await {
            Ok(Some(reason)) => bail!(reason),
            _ => Err(error),
        },
    }
}

async fn get(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, path: &str) -> anyhow::Result<String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header(header::HOST, "localhost").body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
    Ok(String::from_utf8(body.into())?)
}
