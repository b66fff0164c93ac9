//! What a gateway is to have.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use evenkeel_bed::{EnvoyVersion, artifact};
use serde_json::{Value, json};

use super::{CLUSTER, CONTROL_PLANE, DISCOVERY, Gateway, LISTENER};
use crate::backend::Backend;
use crate::bootstrap::{Bootstrap, CONNECTION_ROOT, Cluster, Evenkeel, HttpListener, OUTBOUND_ROOT, REQUEST_ROOT};
use crate::envoy::Start;
use crate::extension_config::ExtensionConfig;

/// Whether there is the network filter, and the Lua filter that drains what it marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Absent,
    Alone,
    Drained,
}

/// A gateway before its start.
#[derive(Debug)]
pub struct Plan {
    settings: Value,
    module: Option<PathBuf>,
    connection: Connection,
    request: bool,
    pool: bool,
    outbound: Option<Value>,
    workers: u32,
    drain_timeout: Option<Duration>,
    cluster: Option<Cluster>,
    destinations: Vec<Cluster>,
    control_plane: Option<SocketAddr>,
    node_metadata: Option<Value>,
}

impl Plan {
    /// One worker, the network filter with `settings`, and no upstream: `/direct` is answered by Envoy.
    pub fn new(settings: Value) -> Self {
        Self {
            settings,
            module: None,
            connection: Connection::Drained,
            request: false,
            pool: false,
            outbound: None,
            workers: 1,
            drain_timeout: None,
            cluster: None,
            destinations: Vec::new(),
            control_plane: None,
            node_metadata: None,
        }
    }

    /// With the HTTP filter, for `maxRequests` and `streamGrace`.
    #[must_use]
    pub fn with_request(self) -> Self {
        Self { request: true, ..self }
    }

    /// With the filter that makes pools of pool keys, for `outbound`.
    #[must_use]
    pub fn with_pool(self) -> Self {
        Self { pool: true, ..self }
    }

    /// With the filter that gives requests the key of their destination, and settings of its own for it.
    #[must_use]
    pub fn with_outbound(self, settings: Value) -> Self {
        Self { outbound: Some(settings), ..self }
    }

    /// `evenkeel.outbound` with `settings` and nothing else that knows requests or connections.
    pub fn outbound_alone(settings: Value) -> Self {
        Self { connection: Connection::Absent, ..Self::new(json!({})) }.with_outbound(settings)
    }

    /// The network filter of the module that has caps alone, and no other filter.
    ///
    /// # Errors
    /// When the module is missing.
    pub fn caps_alone(settings: Value) -> Result<Self> {
        Ok(Self { connection: Connection::Alone, ..Self::new(settings) }.module(artifact::caps_wasm()?))
    }

    /// With another module than `target/evenkeel.wasm`.
    #[must_use]
    pub fn module(self, module: PathBuf) -> Self {
        Self { module: Some(module), ..self }
    }

    /// With this many workers.
    #[must_use]
    pub fn workers(self, workers: u32) -> Self {
        Self { workers, ..self }
    }

    /// How long streams that race with the first GOAWAY are served; Envoy's default is 5 s.
    #[must_use]
    pub fn drain_timeout(self, timeout: Duration) -> Self {
        Self { drain_timeout: Some(timeout), ..self }
    }

    /// Sends all paths but `/direct` to `backend`, by HTTP/1 and without limits.
    #[must_use]
    pub fn backend(self, backend: &Backend) -> Self {
        self.cluster(Cluster::new(CLUSTER, &[backend.address()]))
    }

    /// Sends all paths but `/direct` to this cluster, which has to be called [`CLUSTER`].
    #[must_use]
    pub fn cluster(self, cluster: Cluster) -> Self {
        Self { cluster: Some(cluster), ..self }
    }

    /// Sends `/NAME/...` to the cluster whose host begins with that name, and what nothing else takes to one of both by
    /// chance.
    #[must_use]
    pub fn destinations(self, clusters: [Cluster; 2]) -> Self {
        Self { destinations: Vec::from(clusters), ..self }
    }

    /// With the cluster [`CONTROL_PLANE`] at this address, for `rebalance`.
    #[must_use]
    pub fn control_plane(self, address: SocketAddr) -> Self {
        Self { control_plane: Some(address), ..self }
    }

    /// With this `node.metadata`.
    #[must_use]
    pub fn node_metadata(self, metadata: Value) -> Self {
        Self { node_metadata: Some(metadata), ..self }
    }

    /// Starts the gateway; its filters are in force when this returns.
    ///
    /// # Errors
    /// When the bed or the module is missing, or Envoy does not start.
    pub async fn start(self, version: EnvoyVersion) -> Result<Gateway> {
        let module = self.module.clone().map_or_else(artifact::wasm, Ok)?;
        let files = ExtensionConfig::new(&module, &self.settings)?;
        self.outbound.as_ref().map(|settings| files.edit_outbound(settings)).transpose()?;
        let start = Start::new(version).concurrency(self.workers);
        let envoy = start.run(self.bootstrap(&self.filters(&files))).await?;
        let address = envoy.listener(LISTENER).await?;
        Ok(Gateway { envoy, files, address, discovered: self.discovered() })
    }

    fn bootstrap(&self, filters: &Evenkeel) -> Value {
        let mut listener = HttpListener::new(LISTENER).evenkeel(filters).direct_response("/direct", "direct\n");
        if let Some(timeout) = self.drain_timeout {
            listener = listener.drain_timeout(timeout);
        }
        if self.cluster.is_some() {
            listener = listener.route("/", CLUSTER);
        }
        listener = self.routes_to_destinations(listener);
        let control_plane = self.control_plane.map(|address| Cluster::control_plane(CONTROL_PLANE, &[address]));
        let clusters = self.cluster.clone().into_iter().chain(control_plane).chain(self.destinations.clone());
        let mut bootstrap = clusters.fold(Bootstrap::new(LISTENER).listener(listener), Bootstrap::cluster).into_json();
        if let Some(metadata) = &self.node_metadata {
            bootstrap["node"]["metadata"] = metadata.clone();
        }
        bootstrap
    }

    fn routes_to_destinations(&self, listener: HttpListener) -> HttpListener {
        let names: Vec<&str> = self.destinations.iter().map(Cluster::name).collect();
        let route = |listener: HttpListener, name: &&str| listener.route(&format!("/{}/", first_label(name)), name);
        let listener = names.iter().fold(listener, route);
        if names.is_empty() { listener } else { listener.split("/", &names) }
    }

    fn filters(&self, files: &ExtensionConfig) -> Evenkeel {
        let mut filters = Evenkeel::discovered(files);
        for (wanted, add) in [
            (self.request, Evenkeel::with_request as fn(Evenkeel) -> Evenkeel),
            (self.pool, Evenkeel::with_pool),
            (self.outbound.is_some(), Evenkeel::with_outbound),
            (self.connection == Connection::Absent, Evenkeel::without_connection),
            (self.connection == Connection::Alone, Evenkeel::without_drain),
        ] {
            filters = if wanted { add(filters) } else { filters };
        }
        filters
    }

    /// The filters that discover their configuration, as Envoy's stats call them.
    fn discovered(&self) -> Vec<String> {
        let kinds = [
            (self.connection != Connection::Absent, "network_filter", CONNECTION_ROOT),
            (self.request, "http_filter", REQUEST_ROOT),
            (self.outbound.is_some(), "http_filter", OUTBOUND_ROOT),
        ];
        let there = kinds.into_iter().filter(|(is_there, ..)| *is_there);
        there.map(|(_, kind, root)| format!("{DISCOVERY}.{kind}.{root}")).collect()
    }
}

/// `reviews` of `outbound|80||reviews.shop.svc.cluster.local`.
fn first_label(cluster: &str) -> &str {
    let host = cluster.rsplit('|').next().unwrap_or(cluster);
    host.split('.').next().unwrap_or(host)
}
