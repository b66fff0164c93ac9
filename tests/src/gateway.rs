//! A gateway as users run it: one Envoy whose listener has Evenkeel's filters.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use evenkeel_bed::{EnvoyVersion, artifact};
use serde_json::Value;

use crate::backend::Backend;
use crate::bootstrap::{Bootstrap, CONNECTION_ROOT, Cluster, Evenkeel, HttpListener, REQUEST_ROOT};
use crate::envoy::{Envoy, Start};
use crate::extension_config::ExtensionConfig;
use crate::wait;

/// How long an observation may take that should hold within a second or two.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The listener's name; its stats are `http.gateway.`.
const LISTENER: &str = "gateway";
/// What the stats of extension discovery start with.
const DISCOVERY: &str = "extension_config_discovery";
/// The cluster of all paths but `/direct`.
pub const CLUSTER: &str = "backend";
/// The cluster that reports go to.
pub const CONTROL_PLANE: &str = "evenkeel-rebalance";

/// Makes one module per supported Envoy, with one test per named function: `envoy_1_37::it_drains` calls
/// `it_drains(EnvoyVersion::V1_37)`.
#[macro_export]
macro_rules! on_each_envoy {
    ($($test:ident),+ $(,)?) => {
        $crate::on_each_envoy! { @version envoy_1_37 V1_37 $($test)+ }
        $crate::on_each_envoy! { @version envoy_1_40 V1_40 $($test)+ }
    };
    (@version $module:ident $version:ident $($test:ident)+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() -> anyhow::Result<()> {
                    super::$test($crate::EnvoyVersion::$version).await
                }
            )+
        }
    };
}

/// A gateway before its start.
#[derive(Debug)]
pub struct Plan {
    settings: Value,
    module: Option<PathBuf>,
    request: bool,
    pool: bool,
    workers: u32,
    drain_timeout: Option<Duration>,
    cluster: Option<Cluster>,
    control_plane: Option<SocketAddr>,
    node_metadata: Option<Value>,
}

impl Plan {
    /// One worker, the network filter with `settings`, and no upstream: `/direct` is answered by Envoy.
    pub fn new(settings: Value) -> Self {
        Self {
            settings,
            module: None,
            request: false,
            pool: false,
            workers: 1,
            drain_timeout: None,
            cluster: None,
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
        let start = Start::new(version).concurrency(self.workers);
        let envoy = start.run(self.bootstrap(&self.filters(&files))).await?;
        let address = envoy.listener(LISTENER).await?;
        Ok(Gateway { envoy, files, address, request: self.request })
    }

    fn bootstrap(&self, filters: &Evenkeel) -> Value {
        let mut listener = HttpListener::new(LISTENER).evenkeel(filters).direct_response("/direct", "direct\n");
        if let Some(timeout) = self.drain_timeout {
            listener = listener.drain_timeout(timeout);
        }
        if self.cluster.is_some() {
            listener = listener.route("/", CLUSTER);
        }
        let control_plane = self.control_plane.map(|address| Cluster::control_plane(CONTROL_PLANE, &[address]));
        let clusters = self.cluster.clone().into_iter().chain(control_plane);
        let mut bootstrap = clusters.fold(Bootstrap::new(LISTENER).listener(listener), Bootstrap::cluster).into_json();
        if let Some(metadata) = &self.node_metadata {
            bootstrap["node"]["metadata"] = metadata.clone();
        }
        bootstrap
    }

    fn filters(&self, files: &ExtensionConfig) -> Evenkeel {
        let mut filters = Evenkeel::discovered(files);
        if self.request {
            filters = filters.with_request();
        }
        if self.pool { filters.with_pool() } else { filters }
    }
}

/// A running gateway; it ends when dropped.
#[derive(Debug)]
pub struct Gateway {
    /// The Envoy.
    pub envoy: Envoy,
    /// Where its filters' configuration comes from.
    pub files: ExtensionConfig,
    /// Where it accepts connections.
    pub address: SocketAddr,
    request: bool,
}

impl Gateway {
    /// The counter or gauge `wasmcustom.evenkeel.NAME`.
    pub async fn stat(&self, name: &str) -> Result<u64> {
        self.envoy.stat(&filter_stat(name)).await
    }

    /// Waits until the filter's counter or gauge is `value`: it follows with the filter's tick.
    ///
    /// # Errors
    /// After [`PATIENCE`]; the text has the last value.
    pub async fn stat_becomes(&self, name: &str, value: u64) -> Result<()> {
        self.envoy.stat_until(&filter_stat(name), |seen| seen == value, PATIENCE).await.map(drop)
    }

    /// Waits until the filter has seen `count` connections in all, and none of them is left.
    ///
    /// # Errors
    /// After [`PATIENCE`].
    pub async fn all_have_ended(&self, count: u64) -> Result<()> {
        self.stat_becomes("connections_accepted", count).await?;
        self.stat_becomes("connections_draining", 0).await?;
        self.stat_becomes("connections_live", 0).await
    }

    /// Gives the filters new settings and returns when Envoy has taken them.
    ///
    /// # Errors
    /// When Envoy has not taken them after [`PATIENCE`].
    pub async fn edit(&self, settings: &Value) -> Result<()> {
        self.taken(|files| files.edit(settings)).await
    }

    /// Changes the files and returns when Envoy has taken the change for all filters.
    ///
    /// # Errors
    /// When Envoy has not taken them after [`PATIENCE`].
    pub async fn taken<T>(&self, change: impl FnOnce(&ExtensionConfig) -> Result<T>) -> Result<()> {
        let before = self.discovery("version").await?;
        change(&self.files)?;
        let differs = |after: &Vec<u64>| after.iter().zip(&before).all(|(after, before)| after != before);
        let versions = async || self.discovery("version").await;
        wait::until("Envoy to take the change", PATIENCE, versions, differs).await.map(drop)
    }

    /// Changes the files and returns when Envoy has refused the change for all filters.
    ///
    /// # Errors
    /// When Envoy has not refused them after [`PATIENCE`].
    pub async fn refused<T>(&self, change: impl FnOnce(&ExtensionConfig) -> Result<T>) -> Result<()> {
        let before = self.discovery("update_rejected").await?;
        change(&self.files)?;
        let grew = |after: &Vec<u64>| after.iter().zip(&before).all(|(after, before)| after > before);
        let refusals = async || self.discovery("update_rejected").await;
        wait::until("Envoy to refuse the change", PATIENCE, refusals, grew).await.map(drop)
    }

    /// The counter of extension discovery called `name`, of each filter. A version is the hash of its text.
    async fn discovery(&self, name: &str) -> Result<Vec<u64>> {
        let mut values = vec![self.envoy.stat(&format!("{DISCOVERY}.network_filter.{CONNECTION_ROOT}.{name}")).await?];
        if self.request {
            values.push(self.envoy.stat(&format!("{DISCOVERY}.http_filter.{REQUEST_ROOT}.{name}")).await?);
        }
        Ok(values)
    }
}

impl Drop for Gateway {
    /// The harness shows what a test has printed when it fails.
    fn drop(&mut self) {
        eprintln!("the end of Envoy's log:\n{}", self.envoy.log_tail());
    }
}

fn filter_stat(name: &str) -> String {
    format!("wasmcustom.evenkeel.{name}")
}
