//! A gateway whose connections do not last, in front of two backends.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, ConnectionLimits, Evenkeel, HttpListener};
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::extension_config::ExtensionConfig;
use evenkeel_tests::{EnvoyVersion, artifact};
use serde_json::{Value, json};

const NAME: &str = "gateway";
const MAX_AGE: Duration = Duration::from_secs(1);
const MAX_REQUESTS: u32 = 50;

/// What a connection of the gateway has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// One second. The drain takes Envoy's default, five seconds.
    Age,
    /// Fifty requests. The drain takes one second, the least that is lossless: streams of 1.5 s outlast it.
    Requests,
}

impl Limit {
    pub const ALL: [Self; 2] = [Self::Age, Self::Requests];

    fn drain_timeout(self) -> Duration {
        Duration::from_secs(if self == Self::Age { 5 } else { 1 })
    }

    fn evenkeel(self) -> Value {
        match self {
            Self::Age => json!({"inbound": {"maxAge": "1s"}}),
            Self::Requests => json!({"inbound": {"maxRequests": MAX_REQUESTS}}),
        }
    }

    fn native(self) -> ConnectionLimits {
        match self {
            Self::Age => ConnectionLimits { max_connection_duration: Some(MAX_AGE), ..ConnectionLimits::default() },
            Self::Requests => {
                ConnectionLimits { max_requests_per_connection: Some(MAX_REQUESTS), ..ConnectionLimits::default() }
            }
        }
    }
}

/// Whose caps end the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caps {
    /// The filter's.
    Evenkeel,
    /// Envoy's own.
    Native,
}

/// A running gateway; it and its backends end when dropped.
#[derive(Debug)]
pub struct Gateway {
    pub limit: Limit,
    pub caps: Caps,
    pub envoy: Envoy,
    pub backends: [Backend; 2],
    _files: ExtensionConfig,
}

impl Gateway {
    pub async fn start(version: EnvoyVersion, limit: Limit, caps: Caps) -> Result<Self> {
        let files = ExtensionConfig::new(&artifact::wasm()?, &limit.evenkeel())?;
        let backends = [Backend::start()?, Backend::start()?];
        let cluster = Cluster::new("backends", &[backends[0].address(), backends[1].address()]).http2();
        let bootstrap = Bootstrap::new(NAME).listener(listener(limit, caps, &files)).cluster(cluster);
        let envoy = Start::new(version).run(bootstrap.into_json()).await?;
        Ok(Self { limit, caps, envoy, backends, _files: files })
    }

    /// Where it accepts connections.
    pub async fn address(&self) -> Result<SocketAddr> {
        self.envoy.listener(NAME).await
    }

    /// How many connections it has told to go so far.
    pub async fn drains(&self) -> Result<u64> {
        self.envoy.stat(self.drains_stat()).await
    }

    fn drains_stat(&self) -> &'static str {
        match (self.caps, self.limit) {
            (Caps::Evenkeel, Limit::Age) => "wasmcustom.evenkeel.drains_age",
            (Caps::Evenkeel, Limit::Requests) => "wasmcustom.evenkeel.drains_requests",
            (Caps::Native, Limit::Age) => "http.gateway.downstream_cx_max_duration_reached",
            (Caps::Native, Limit::Requests) => "http.gateway.downstream_cx_max_requests_reached",
        }
    }
}

fn listener(limit: Limit, caps: Caps, files: &ExtensionConfig) -> HttpListener {
    let listener = HttpListener::new(NAME).route("/", "backends").drain_timeout(limit.drain_timeout());
    match (caps, limit) {
        (Caps::Evenkeel, Limit::Age) => listener.evenkeel(&Evenkeel::discovered(files)),
        (Caps::Evenkeel, Limit::Requests) => listener.evenkeel(&Evenkeel::discovered(files).with_request()),
        (Caps::Native, _) => listener.limits(limit.native()),
    }
}
