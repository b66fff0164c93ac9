//! The pods behind the node port, one on each node: Envoys that istiod configures, and what they are beside.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::backend::{Backend, Options};
use evenkeel_tests::envoy::Envoy;
use evenkeel_tests::istio::{Proxy, redirect_inbound};
use evenkeel_tests::kubernetes::{Kubernetes, Node, create, set_ready};
use evenkeel_tests::network::PodNetwork;
use evenkeel_tests::{EnvoyVersion, http_get, wait};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use super::place::Place;

/// Where clients of a pod connect.
const PORT: u16 = 8080;
/// The cluster of the application beside a sidecar.
const INBOUND: &str = "inbound|8080||";
/// How long it may take until a pod is ready.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a pod's proxy says at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Connections that are open.
    pub open: u64,
    /// Connections that Evenkeel told to go.
    pub drained: u64,
}

/// The pods; they end when dropped.
pub struct Members {
    place: Place,
    version: EnvoyVersion,
    nodes: Vec<(Node, PodNetwork)>,
    pods: Api<Pod>,
    running: Vec<Member>,
}

/// A pod: its proxy, and the application if the proxy is its sidecar.
struct Member {
    envoy: Envoy,
    application: Option<Backend>,
}

impl Members {
    /// No pod yet; each will have one of these networks.
    pub fn new(kubernetes: &Kubernetes, place: Place, version: EnvoyVersion, nodes: Vec<(Node, PodNetwork)>) -> Self {
        let pods = Api::namespaced(kubernetes.client(), place.service().0);
        Self { place, version, nodes, pods, running: Vec::new() }
    }

    /// Starts more until there are so many, and all are ready.
    pub async fn scale(&mut self, count: usize) -> Result<()> {
        for (node, network) in &self.nodes[self.running.len()..count] {
            let (proxy, address) = (proxy(self.place, node, network), SocketAddr::new(network.address(), PORT));
            create(&self.pods, (&proxy.name, self.place.service().1), None, node, address).await?;
            let application = application(self.place, network, address)?;
            let envoy = proxy.start_in(self.version, network).await?;
            let member = Member { envoy, application };
            member.serves(address).await?;
            set_ready(&self.pods, &proxy.name, true).await?;
            self.running.push(member);
        }
        Ok(())
    }

    /// What each of them says.
    pub async fn counts(&self) -> Result<Vec<Counts>> {
        let listener = format!("listener.0.0.0.0_{}", self.place.port());
        try_join_all(self.running.iter().map(|member| member.counts(&listener))).await
    }
}

impl Member {
    /// Waits until a request is answered as those of clients will be.
    async fn serves(&self, address: SocketAddr) -> Result<()> {
        let probe = async || {
            let (status, _) = http_get::get(address, "/").await?;
            ensure!(status.is_success(), "{status}");
            // Before it knows of the application a sidecar passes everything through.
            ensure!(self.application.is_none() || self.stat_of_application("upstream_rq_completed").await? > 0);
            Ok(())
        };
        wait::until("a pod to serve", PATIENCE, probe, |()| true).await
    }

    async fn stat_of_application(&self, name: &str) -> Result<u64> {
        self.envoy.stat_sum(&[&format!("cluster.{INBOUND}.{name}")]).await
    }

    async fn counts(&self, listener: &str) -> Result<Counts> {
        Ok(Counts {
            open: self.envoy.stat(&format!("{listener}.downstream_cx_active")).await?,
            drained: self.envoy.stat("wasmcustom.evenkeel.drains_rebalance").await?,
        })
    }
}

fn proxy(place: Place, node: &Node, network: &PodNetwork) -> Proxy {
    let ([.., number], (namespace, app)) = (node.address.octets(), place.service());
    Proxy {
        role: place.role(),
        address: network.address(),
        name: format!("{app}-{number}"),
        namespace: namespace.to_owned(),
        labels: [("app".to_owned(), app.to_owned())].into(),
        dns: None,
    }
}

/// What serves beside a sidecar, which takes what comes to it.
fn application(place: Place, network: &PodNetwork, address: SocketAddr) -> Result<Option<Backend>> {
    if place == Place::Gateways {
        return Ok(None);
    }
    redirect_inbound(network)?;
    let options = Options { address, ..Options::default() };
    network.namespace().run(|| Backend::start_with(&options)).map(Some)
}
