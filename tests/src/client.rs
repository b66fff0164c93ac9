//! Load clients: one shape for all, each with its library's own defaults.

pub mod channel;
mod connector;
mod drive;
pub mod endless_streams;
mod envoy_client;
mod external;
mod hyper_client;
pub mod steady;
mod tonic_client;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use serde::Deserialize;

pub use self::drive::REQUEST_TIMEOUT;

/// Bytes of a small POST.
pub const SMALL: usize = 5;
/// Bytes of an upload.
pub const UPLOAD: usize = 200_000;
/// Bytes of a download.
pub const DOWNLOAD: usize = 1_000_000;
/// Length of a server stream, and how many messages it has (one now, one every 100 ms).
pub const STREAM_MILLIS: usize = 1_500;
/// Messages of a server stream.
pub const STREAM_MESSAGES: usize = STREAM_MILLIS / 100 + 1;

/// What is asked of the backend, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A GET with a small answer.
    Get,
    /// A small POST.
    Post,
    /// A small POST whose body cannot be sent twice (Go: a request without `GetBody`).
    PostOnce,
    /// A POST of 200 KB.
    Upload,
    /// A GET of 1 MB.
    Download,
    /// A GET whose answer ends with trailers.
    Trailers,
    /// A unary gRPC call.
    Unary,
    /// A gRPC server stream of 1.5 s.
    ServerStream,
}

impl Kind {
    const HTTP: &'static [Self] = &[Self::Get, Self::Post, Self::Upload, Self::Download, Self::Trailers];
    const GO: &'static [Self] = &[Self::Get, Self::Post, Self::PostOnce, Self::Upload, Self::Download, Self::Trailers];
    const GRPC: &'static [Self] = &[Self::Unary, Self::ServerStream];

    /// The name that the external clients take.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::PostOnce => "post-once",
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Trailers => "trailers",
            Self::Unary => "unary",
            Self::ServerStream => "server-stream",
        }
    }

    /// Whether a test sends thousands of these, or a few hundred.
    pub const fn is_small(self) -> bool {
        !matches!(self, Self::Upload | Self::Download | Self::ServerStream)
    }
}

/// A client of the ecosystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    /// hyper-util's pooling client, HTTP/1.
    HyperHttp1,
    /// hyper-util's pooling client, HTTP/2 with prior knowledge.
    HyperHttp2,
    /// tonic's `Channel` as it comes.
    Tonic,
    /// tonic's `Channel` with calls repeated that were never sent.
    TonicRetry,
    /// Go's net/http, HTTP/1.
    GoHttp1,
    /// Go's net/http, HTTP/2 with prior knowledge.
    GoHttp2,
    /// grpc-go.
    GrpcGo,
    /// grpcio: gRPC's C core, in Python.
    Grpcio,
    /// An Envoy whose cluster speaks HTTP/1 to the target.
    EnvoyHttp1,
    /// An Envoy whose cluster speaks HTTP/2 to the target.
    EnvoyHttp2,
}

impl Client {
    /// Every client.
    pub const ALL: [Self; 10] = [
        Self::HyperHttp1,
        Self::HyperHttp2,
        Self::Tonic,
        Self::TonicRetry,
        Self::GoHttp1,
        Self::GoHttp2,
        Self::GrpcGo,
        Self::Grpcio,
        Self::EnvoyHttp1,
        Self::EnvoyHttp2,
    ];

    /// The client's name, for the tables of the reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HyperHttp1 => "hyper-util, HTTP/1",
            Self::HyperHttp2 => "hyper-util, HTTP/2",
            Self::Tonic => "tonic",
            Self::TonicRetry => "tonic with retries",
            Self::GoHttp1 => "Go net/http, HTTP/1",
            Self::GoHttp2 => "Go net/http, HTTP/2",
            Self::GrpcGo => "grpc-go",
            Self::Grpcio => "grpcio",
            Self::EnvoyHttp1 => "Envoy, HTTP/1",
            Self::EnvoyHttp2 => "Envoy, HTTP/2",
        }
    }

    /// What this client can be asked to send.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Tonic | Self::TonicRetry | Self::GrpcGo | Self::Grpcio => Kind::GRPC,
            Self::GoHttp1 | Self::GoHttp2 => Kind::GO,
            _ => Kind::HTTP,
        }
    }

    /// What the client does by itself about requests that a connection did not take, for the tables of the reports.
    pub const fn default_retries(self) -> &'static str {
        match self {
            Self::HyperHttp1 | Self::HyperHttp2 => "retry_canceled_requests: what was never sent",
            Self::Tonic | Self::EnvoyHttp1 | Self::EnvoyHttp2 => "none",
            Self::TonicRetry => "calls that were never sent",
            Self::GoHttp1 => "idempotent or replayable requests on a closed idle connection",
            Self::GoHttp2 => "streams above GOAWAY's last id, when the body can be replayed",
            Self::GrpcGo | Self::Grpcio => "transparent retry of what no server has processed",
        }
    }

    /// Sends the whole load and counts what came back.
    ///
    /// # Errors
    /// When the client cannot run at all (missing bed, unknown kind); failed requests are in the outcome.
    pub async fn run(self, load: &Load) -> Result<Outcome> {
        ensure!(self.kinds().contains(&load.kind), "{self:?} cannot send {:?}", load.kind);
        let outcome = match self {
            Self::HyperHttp1 => hyper_client::run(load, false).await?,
            Self::HyperHttp2 => hyper_client::run(load, true).await?,
            Self::Tonic => tonic_client::run(load, false).await?,
            Self::TonicRetry => tonic_client::run(load, true).await?,
            Self::GoHttp1 | Self::GoHttp2 | Self::GrpcGo | Self::Grpcio => external::run(self, load).await?,
            Self::EnvoyHttp1 => envoy_client::run(load, false).await?,
            Self::EnvoyHttp2 => envoy_client::run(load, true).await?,
        };
        outcome.check(load)?;
        Ok(outcome)
    }
}

/// How much of what is sent where.
#[derive(Clone, Debug)]
pub struct Load {
    /// Whom the client talks to.
    pub target: SocketAddr,
    /// What is sent.
    pub kind: Kind,
    /// How many requests in all.
    pub requests: u64,
    /// How many at a time.
    pub concurrency: usize,
    /// The start of every `x-request-id`; unique in this process and among processes.
    pub prefix: String,
    /// Threads of a client that is written in Rust; the others decide for themselves.
    ///
    /// One, unless told otherwise. With more, hyper's HTTP/2 client may fail a request that it has just sent, and reset
    /// its stream, when a GOAWAY comes on another thread at that moment, whatever last stream the GOAWAY names
    /// (<https://github.com/hyperium/hyper/issues/2500>).
    pub threads: usize,
}

impl Load {
    /// A load with a fresh id prefix.
    pub fn new(target: SocketAddr, kind: Kind, requests: u64, concurrency: usize) -> Self {
        static LOADS: AtomicU64 = AtomicU64::new(0);
        let prefix = format!("{}-{}-", process::id(), LOADS.fetch_add(1, Ordering::Relaxed));
        Self { target, kind, requests, concurrency, prefix, threads: 1 }
    }

    /// On this many threads.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The id of request number `number`, from 0.
    pub fn id(&self, number: u64) -> String {
        format!("{}{number}", self.prefix)
    }

    /// The ids of all requests.
    pub fn ids(&self) -> impl Iterator<Item = String> {
        (0..self.requests).map(|number| self.id(number))
    }
}

/// What became of a load.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Requests that the caller made.
    pub requests: u64,
    /// Requests that were answered completely and rightly.
    pub ok: u64,
    /// Requests that failed in the caller's eyes.
    pub failed: u64,
    /// How often each error text came.
    pub errors: BTreeMap<String, u64>,
    /// The ids of the failed requests.
    pub failed_ids: Vec<String>,
    /// Connections that the client opened, where its library lets us count them.
    pub dials: Option<u64>,
}

impl Outcome {
    /// An instrument that loses requests is broken.
    fn check(&self, load: &Load) -> Result<()> {
        let complete = self.requests == load.requests && self.ok + self.failed == load.requests;
        ensure!(complete && self.failed == self.failed_ids.len() as u64, "the client lost count: {self:?} of {load:?}");
        Ok(())
    }
}
