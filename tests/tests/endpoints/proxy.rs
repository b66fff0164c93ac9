//! An Envoy whose clusters get their endpoints from the control plane, and what can be seen of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, HttpListener};
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::{EnvoyVersion, http_get, wait};
use http::StatusCode;
use serde_json::Value;

use super::cluster_file::{Endpoint, resource_name};
use super::transport::{CONTROL_PLANE, Transport};

/// How long a change may take to arrive that should be there within a second or two.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The service, and the cluster, that gets the requests.
pub const GATEWAY: &str = "gateway";

/// A proxy before its start.
#[derive(Clone, Debug)]
pub struct Plan {
    version: EnvoyVersion,
    transport: Transport,
    /// The name of each cluster and of its resource.
    clusters: BTreeMap<String, String>,
    initial_fetch_timeout: Duration,
    ipv6: bool,
}

impl Plan {
    /// With a cluster for the service [`GATEWAY`]. It waits for its endpoints longer than anything here takes.
    pub fn new(version: EnvoyVersion, transport: Transport) -> Self {
        let clusters = BTreeMap::from([(GATEWAY.to_owned(), resource_name(GATEWAY))]);
        Self { version, transport, clusters, initial_fetch_timeout: Duration::from_mins(1), ipv6: true }
    }

    /// And one for this service.
    pub fn service(self, service: &str) -> Self {
        self.cluster(service, &resource_name(service))
    }

    /// And one for this resource.
    pub fn cluster(mut self, name: &str, resource: &str) -> Self {
        self.clusters.insert(name.to_owned(), resource.to_owned());
        self
    }

    pub fn initial_fetch_timeout(self, timeout: Duration) -> Self {
        Self { initial_fetch_timeout: timeout, ..self }
    }

    /// On a machine without IPv6.
    pub fn without_ipv6(self) -> Self {
        Self { ipv6: false, ..self }
    }

    /// Starts Envoy and waits until it is LIVE.
    pub async fn start(self, control_plane: SocketAddr) -> Result<Proxy> {
        self.start_with_replicas(&[control_plane]).await
    }

    /// As [`Self::start`], with a control plane of several replicas, of which Envoy uses one at a time.
    pub async fn start_with_replicas(self, replicas: &[SocketAddr]) -> Result<Proxy> {
        let start = Start::new(self.version);
        let start = if self.ipv6 { start } else { start.without_ipv6() };
        let envoy = start.run(self.bootstrap(replicas)).await?;
        let address = envoy.listener(GATEWAY).await?;
        Ok(Proxy { envoy, address, transport: self.transport })
    }

    fn bootstrap(&self, replicas: &[SocketAddr]) -> Value {
        let bootstrap = Bootstrap::new("proxy").listener(HttpListener::new(GATEWAY).route("/", GATEWAY));
        let bootstrap = bootstrap.cluster(Cluster::control_plane(CONTROL_PLANE, replicas));
        let source = self.transport.source();
        let clusters = self.clusters.iter().map(|(name, resource)| Cluster::eds(name, resource, &source));
        let clusters = clusters.map(|cluster| cluster.initial_fetch_timeout(self.initial_fetch_timeout));
        self.transport.complete(clusters.fold(bootstrap, Bootstrap::cluster)).into_json()
    }
}

/// A running proxy; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    pub envoy: Envoy,
    /// Where it takes the requests for [`GATEWAY`].
    pub address: SocketAddr,
    transport: Transport,
}

impl Proxy {
    /// The hosts of a cluster.
    pub async fn hosts(&self, cluster: &str) -> Result<BTreeSet<Endpoint>> {
        self.all_hosts().await?.remove(cluster).with_context(|| format!("no cluster {cluster}"))
    }

    /// The hosts of every cluster but the control plane's.
    pub async fn all_hosts(&self) -> Result<BTreeMap<String, BTreeSet<Endpoint>>> {
        let answer: Value = serde_json::from_str(&self.envoy.admin("/clusters?format=json").await?)?;
        let clusters = answer["cluster_statuses"].as_array().into_iter().flatten();
        clusters.filter(|cluster| cluster["name"] != CONTROL_PLANE).map(hosts_of).collect()
    }

    /// Waits until a cluster has exactly these hosts, in number and in everything that Envoy shows of them.
    pub async fn hosts_become(&self, cluster: &str, endpoints: &[Endpoint]) -> Result<()> {
        let expected: BTreeSet<_> = endpoints.iter().cloned().collect();
        let what = format!("the hosts of {cluster} to be {expected:?}");
        wait::until(&what, PATIENCE, async || self.hosts(cluster).await, |hosts| *hosts == expected).await?;
        let members = self.stat(cluster, "membership_total").await?;
        ensure!(members == expected.len() as u64, "{members} members of {cluster}, not {}", expected.len());
        Ok(())
    }

    /// A counter or gauge of a cluster.
    pub async fn stat(&self, cluster: &str, name: &str) -> Result<u64> {
        self.envoy.stat(&format!("cluster.{cluster}.{name}")).await
    }

    pub async fn stat_becomes(&self, cluster: &str, name: &str, value: u64) -> Result<()> {
        self.envoy.stat_until(&format!("cluster.{cluster}.{name}"), |seen| seen == value, PATIENCE).await.map(drop)
    }

    /// Waits until the stream to the control plane is open, or is not.
    pub async fn connected_becomes(&self, connected: bool) -> Result<()> {
        let stat = self.transport.connected_stat(GATEWAY);
        self.envoy.stat_until(&stat, |seen| (seen == 1) == connected, PATIENCE).await.map(drop)
    }

    /// The status of a request for [`GATEWAY`].
    pub async fn status(&self) -> Result<StatusCode> {
        Ok(http_get::get(self.address, "/").await?.0)
    }

    /// Waits until requests for [`GATEWAY`] are answered so: workers hear of new hosts a little after the main thread.
    pub async fn status_becomes(&self, status: StatusCode) -> Result<()> {
        wait::until("the status", PATIENCE, async || self.status().await, |seen| *seen == status).await.map(drop)
    }
}

/// The name and the hosts of a member of `cluster_statuses`.
fn hosts_of(status: &Value) -> Result<(String, BTreeSet<Endpoint>)> {
    let name = status["name"].as_str().context("a cluster without a name")?;
    let hosts = status["host_statuses"].as_array().into_iter().flatten();
    Ok((name.to_owned(), hosts.map(Endpoint::from_host_status).collect::<Result<_>>()?))
}
