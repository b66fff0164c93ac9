//! The real programs of one run: a NodePort, gateways, backends, and the control plane that knows the gateways.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, EndpointSource, Evenkeel, LoadBalancing, TcpListener};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::extension_config::ExtensionConfig;
use evenkeel_tests::{EnvoyVersion, artifact};
use futures::future::try_join_all;
use serde_json::Value;

use super::gateway::{Gateway, Recipe};
use super::timeline::GatewayStats;

const BACKENDS: usize = 2;
const NODE_PORT: &str = "node_port";
/// The endpoints of the service `gateway`, port 80, as the control plane names them.
const RESOURCE: &str = "pods/istio-system/gateway:80";
/// A file edit is an endpoint within well under a second; longer means that something is broken.
const PROPAGATION: Duration = Duration::from_secs(10);

/// Everything that runs; it ends when dropped.
#[derive(Debug)]
pub struct Bed {
    version: EnvoyVersion,
    recipe: Recipe,
    node_port: Envoy,
    gateways: Vec<Gateway>,
    control_plane: ControlPlane,
    // Held for their lives only.
    _backends: Vec<Backend>,
    _filter: Option<ExtensionConfig>,
}

impl Bed {
    /// Starts everything with this many gateways, which run the filter with this configuration or not at all.
    ///
    /// # Errors
    /// When a program is missing (the text names the command that makes it) or refuses its configuration.
    pub async fn start(version: EnvoyVersion, gateways: usize, filter: Option<&Value>) -> Result<Self> {
        let backends = (0..BACKENDS).map(|_| Backend::start()).collect::<Result<Vec<_>>>()?;
        let module = artifact::wasm()?;
        let filter = filter.map(|configuration| ExtensionConfig::new(&module, configuration)).transpose()?;
        let recipe = Recipe {
            backends: backends.iter().map(Backend::address).collect(),
            evenkeel: filter.as_ref().map(Evenkeel::discovered),
        };
        let gateways = start_gateways(&recipe, version, gateways).await?;
        let control_plane = ControlPlane::start(&cluster_file(&gateways)).await?;
        let node_port = start_node_port(version, control_plane.xds()).await?;
        Ok(Self { version, recipe, node_port, gateways, control_plane, _backends: backends, _filter: filter })
    }

    /// Where clients connect.
    pub async fn address(&self) -> Result<SocketAddr> {
        self.node_port.listener(NODE_PORT).await
    }

    /// Fails when a program has ended; the error shows how, and the end of its log.
    pub fn check_running(&mut self) -> Result<()> {
        self.node_port.process().check_running().context("the NodePort")?;
        self.control_plane.process().check_running().context("the control plane")?;
        self.gateways.iter_mut().try_for_each(Gateway::check_running)
    }

    /// What every gateway says now, in the order of their start.
    pub async fn stats(&self) -> Result<Vec<GatewayStats>> {
        try_join_all(self.gateways.iter().map(Gateway::stats)).await
    }

    /// Starts more gateways, which nobody knows yet. Borrows nothing, so that the bed can be watched meanwhile.
    pub fn more_gateways(&self, count: usize) -> impl Future<Output = Result<Vec<Gateway>>> + use<> {
        let (recipe, version) = (self.recipe.clone(), self.version);
        async move { start_gateways(&recipe, version, count).await }
    }

    /// Makes gateways endpoints by writing them into the control plane's file, and waits until the NodePort has them.
    pub async fn add(&mut self, gateways: Vec<Gateway>) -> Result<()> {
        self.gateways.extend(gateways);
        self.control_plane.edit(&cluster_file(&self.gateways))?;
        let expected = self.gateways.len() as u64;
        let members = self.node_port.stat_until("cluster.gateways.membership_total", |n| n == expected, PROPAGATION);
        members.await.context("the NodePort does not learn the new endpoints").map(drop)
    }
}

async fn start_gateways(recipe: &Recipe, version: EnvoyVersion, count: usize) -> Result<Vec<Gateway>> {
    try_join_all((0..count).map(|_| Gateway::start(recipe, version))).await
}

/// A balancer that works per connection and at random, as kube-proxy's rules do.
async fn start_node_port(version: EnvoyVersion, control_plane: SocketAddr) -> Result<Envoy> {
    let source = EndpointSource::Stream { api_type: "DELTA_GRPC", cluster: "control_plane".to_owned() };
    let gateways = Cluster::eds("gateways", RESOURCE, &source).load_balancing(LoadBalancing::Random);
    let bootstrap = Bootstrap::new(NODE_PORT)
        .listener(TcpListener::new(NODE_PORT, "gateways"))
        .cluster(gateways)
        .cluster(Cluster::control_plane("control_plane", &[control_plane]));
    Start::new(version).concurrency(1).run(bootstrap.into_json()).await
}

/// What a user would write: one service, its ready endpoints.
fn cluster_file(gateways: &[Gateway]) -> String {
    let addresses: Vec<_> = gateways.iter().map(Gateway::address).collect();
    service(&addresses)
}

fn service(endpoints: &[SocketAddr]) -> String {
    let mut text =
        "services:\n- name: gateway\n  namespace: istio-system\n  ports:\n  - {name: http, port: 80}\n".to_owned();
    text.push_str("  endpoints:\n");
    for endpoint in endpoints {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  - {{address: \"{}\", ports: {{http: {}}}}}", endpoint.ip(), endpoint.port());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_file_names_every_endpoint() {
        let text = service(&["127.0.0.1:81".parse().unwrap(), "127.0.0.1:82".parse().unwrap()]);
        let expected = "\
services:
- name: gateway
  namespace: istio-system
  ports:
  - {name: http, port: 80}
  endpoints:
  - {address: \"127.0.0.1\", ports: {http: 81}}
  - {address: \"127.0.0.1\", ports: {http: 82}}
";
        assert_eq!(text, expected);
    }
}
