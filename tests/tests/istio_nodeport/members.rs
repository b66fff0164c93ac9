//! The pods behind the node port, one on each node: Envoys that istiod configures, and what they are beside.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::backend::{Backend, Options};
use evenkeel_tests::envoy::Envoy;
use evenkeel_tests::istio::{Proxy, redirect_inbound};
use evenkeel_tests::kubernetes::{Kubernetes, Node, create_unready, set_ready};
use evenkeel_tests::network::PodNetwork;
use evenkeel_tests::{EnvoyVersion, http_get, wait};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use super::place::Place;

/// Where clients of a pod connect.
const PORT: u16 = 8080;
/// How long it may take until a pod is ready.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a pod's proxy says at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Connections that are open.
    pub open: u64,
    /// Connections that Evenkeel told to go.
    pub drained: u64,
    /// Requests that were sent to the application once more.
    pub retried: u64,
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
    _application: Option<Backend>,
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
            create_unready(&self.pods, (&proxy.name, self.place.service().1), None, node, address).await?;
            let application = application(self.place, network, address)?;
            let envoy = proxy.start_in(self.version, network).await?;
            serves(&envoy, self.place, address).await?;
            set_ready(&self.pods, &proxy.name, true).await?;
            self.running.push(Member { envoy, _application: application });
        }
        Ok(())
    }

    /// What each of them says.
    pub async fn counts(&self) -> Result<Vec<Counts>> {
        try_join_all(self.running.iter().map(|member| counts(&member.envoy, self.place))).await
    }
}

/// Waits until a request is answered as those of clients will be.
async fn serves(envoy: &Envoy, place: Place, address: SocketAddr) -> Result<()> {
    let probe = async || {
        let (status, _) = http_get::get(address, "/").await?;
        ensure!(status.is_success(), "{status}");
        // A sidecar that does not know of the application yet passes everything on.
        let served = envoy.stat(&format!("{}.upstream_rq_completed", place.upstream())).await?;
        ensure!(served > 0, "nothing went to the application's own cluster");
        Ok(())
    };
    wait::until("a pod to serve", PATIENCE, probe, |()| true).await
}

async fn counts(envoy: &Envoy, place: Place) -> Result<Counts> {
    Ok(Counts {
        open: envoy.stat(&format!("listener.0.0.0.0_{}.downstream_cx_active", place.port())).await?,
        drained: envoy.stat("wasmcustom.evenkeel.drains_rebalance").await?,
        retried: envoy.stat(&format!("{}.upstream_rq_retry", place.upstream())).await?,
    })
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
