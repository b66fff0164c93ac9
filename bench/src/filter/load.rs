//! The load: connections that stay open, and requests that are always in flight on them.

use std::cell::Cell;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use http::{Request, Response, Uri, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Serialize;
use tokio::net::TcpStream;

/// What client and upstream speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Protocol {
    /// HTTP/1.1 with keep-alive.
    #[serde(rename = "h1")]
    Http1,
    /// HTTP/2 without TLS.
    #[serde(rename = "h2")]
    Http2,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Http1, Self::Http2];

    /// Its name in reports; also the cluster and the path prefix of its requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "h1",
            Self::Http2 => "h2",
        }
    }

    /// Connections, and requests in flight on each.
    pub const fn shape(self) -> (usize, usize) {
        match self {
            Self::Http1 => (16, 1),
            Self::Http2 => (4, 50),
        }
    }
}

/// One request at a time.
enum Lane {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

/// The open connections to one Envoy in one protocol.
pub struct Load {
    lanes: Vec<Lane>,
    uri: Uri,
}

impl Load {
    /// Opens the connections.
    pub async fn connect(protocol: Protocol, address: SocketAddr) -> Result<Self> {
        let (connections, streams) = protocol.shape();
        let mut lanes = Vec::with_capacity(connections * streams);
        for _ in 0..connections {
            lanes.extend(lanes_of_connection(protocol, address, streams).await?);
        }
        Ok(Self { lanes, uri: format!("http://{address}/{}", protocol.name()).parse()? })
    }

    /// Sends this many requests and waits for their answers.
    ///
    /// # Errors
    /// When a single one fails: what is measured must not be the cost of errors.
    pub async fn send(&mut self, requests: u32) -> Result<()> {
        let (left, uri) = (Cell::new(requests), &self.uri);
        let work = self.lanes.iter_mut().map(|lane| lane.work(&left, uri));
        try_join_all(work).await.map(drop)
    }
}

impl Lane {
    async fn work(&mut self, left: &Cell<u32>, uri: &Uri) -> Result<()> {
        while let Some(rest) = left.get().checked_sub(1) {
            left.set(rest);
            let response = self.exchange(uri).await.context("a request of the load failed")?;
            ensure!(response.status().is_success(), "a request of the load was answered with {}", response.status());
            response.into_body().collect().await?;
        }
        Ok(())
    }

    async fn exchange(&mut self, uri: &Uri) -> Result<Response<Incoming>> {
        let request = Request::builder().uri(uri.clone());
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                let host = uri.authority().map_or("", |authority| authority.as_str());
                let request = request.uri(uri.path()).header(http::header::HOST, host).body(Empty::new())?;
                Ok(sender.send_request(request).await?)
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                let request = request.version(Version::HTTP_2).body(Empty::new())?;
                Ok(sender.send_request(request).await?)
            }
        }
    }
}

async fn lanes_of_connection(protocol: Protocol, address: SocketAddr, streams: usize) -> Result<Vec<Lane>> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let io = TokioIo::new(stream);
    // A connection that ends early shows as a failed request.
    match protocol {
        Protocol::Http1 => {
            let (sender, connection) = http1::handshake(io).await?;
            tokio::spawn(connection);
            Ok(vec![Lane::Http1(sender)])
        }
        Protocol::Http2 => {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            Ok((0..streams).map(|_| Lane::Http2(sender.clone())).collect())
        }
    }
}
