//! gRPC server streams that do not end, each on a connection of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::wait;

/// The backend says something ten times a second.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many messages more show that a stream goes on.
const SOME: u64 = 10;

/// Streams that are read all the time; they end when dropped.
#[derive(Debug, Default)]
pub struct EndlessStreams {
    messages: Vec<Arc<AtomicU64>>,
    readers: JoinSet<()>,
}

impl EndlessStreams {
    /// Opens so many, and waits for the first message of each.
    pub async fn open(target: SocketAddr, count: usize) -> Result<Self> {
        let mut streams = Self::default();
        for _ in 0..count {
            let (stream, messages) = (endless_stream(target).await?, Arc::default());
            streams.messages.push(Arc::clone(&messages));
            streams.readers.spawn(read(stream, messages));
        }
        Ok(streams)
    }

    /// Waits until each has said more, and not one has ended.
    ///
    /// # Errors
    /// When one has ended, or is silent.
    pub async fn still_run(&mut self) -> Result<()> {
        let before = self.counts();
        let more = |now: &Vec<u64>| now.iter().zip(&before).all(|(now, before)| *now >= before + SOME);
        wait::until("more of every stream", PATIENCE, async || Ok(self.counts()), more).await?;
        ensure!(self.readers.try_join_next().is_none(), "a stream has ended");
        Ok(())
    }

    fn counts(&self) -> Vec<u64> {
        self.messages.iter().map(|messages| messages.load(Ordering::Relaxed)).collect()
    }
}

async fn read(mut stream: Incoming, messages: Arc<AtomicU64>) {
    while let Some(Ok(_)) = stream.frame().await {
        messages.fetch_add(1, Ordering::Relaxed);
    }
}

/// A server stream that repeats its request's message for ever; it has begun when this returns.
pub async fn endless_stream(target: SocketAddr) -> Result<Incoming> {
    let io = TokioIo::new(TcpStream::connect(target).await?);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
    tokio::spawn(connection);
    let request = Request::post(format!("http://{target}/evenkeel.Echo/Forever"));
    let request = request.header(header::CONTENT_TYPE, "application/grpc").header(header::TE, "trailers");
    // A message of gRPC: not compressed, one byte long.
    let request = request.body(Full::new(Bytes::from_static(&[0, 0, 0, 0, 1, b'e'])))?;
    let mut stream = sender.send_request(request).await?.into_body();
    stream.frame().await.context("the gRPC stream did not begin")??;
    Ok(stream)
}
