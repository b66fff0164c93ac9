//! The pods of the gateways: Envoys that istiod configures, one on each node.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::envoy::Envoy;
use evenkeel_tests::istio::{Proxy, ROOT_NAMESPACE, Role};
use evenkeel_tests::kubernetes::{Kubernetes, Node, create_ready};
use evenkeel_tests::network::Namespace;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;

/// The label `app` of the pods, and the name of their Service.
pub const GATEWAY: &str = "gateway";
/// Where they serve.
const PORT: u16 = 8080;

/// What a gateway says at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Connections that are open.
    pub open: u64,
    /// Connections that have ended.
    pub closed: u64,
    /// Connections that Evenkeel told to go.
    pub drained: u64,
}

/// The gateways; they end when dropped.
pub struct Gateways {
    version: EnvoyVersion,
    nodes: Vec<(Node, Arc<Namespace>)>,
    pods: Api<Pod>,
    running: Vec<Envoy>,
}

impl Gateways {
    /// No gateway yet.
    pub fn new(kubernetes: &Kubernetes, version: EnvoyVersion, nodes: Vec<(Node, Arc<Namespace>)>) -> Self {
        let pods = Api::namespaced(kubernetes.client(), ROOT_NAMESPACE);
        Self { version, nodes, pods, running: Vec::new() }
    }

    /// Starts more until there are so many: each is a ready pod once it serves.
    pub async fn scale(&mut self, count: usize) -> Result<()> {
        for (node, network) in &self.nodes[self.running.len()..count] {
            let proxy = proxy(node);
            let envoy = proxy.start_in(self.version, network).await?;
            let address = SocketAddr::new(proxy.address, PORT);
            create_ready(&self.pods, (&proxy.name, GATEWAY), None, node, address).await?;
            self.running.push(envoy);
        }
        Ok(())
    }

    /// What each of them says.
    pub async fn counts(&self) -> Result<Vec<Counts>> {
        try_join_all(self.running.iter().map(counts)).await
    }
}

fn proxy(node: &Node) -> Proxy {
    let [.., number] = node.address.octets();
    Proxy {
        role: Role::Router,
        address: IpAddr::V4(Ipv4Addr::new(10, 244, number, 1)),
        name: format!("{GATEWAY}-{number}"),
        namespace: ROOT_NAMESPACE.to_owned(),
        labels: [("app".to_owned(), GATEWAY.to_owned())].into(),
        dns: None,
    }
}

async fn counts(envoy: &Envoy) -> Result<Counts> {
    let listener = format!("listener.0.0.0.0_{PORT}.downstream_cx_");
    Ok(Counts {
        open: envoy.stat(&format!("{listener}active")).await?,
        closed: envoy.stat(&format!("{listener}destroy")).await?,
        drained: envoy.stat("wasmcustom.evenkeel.drains_rebalance").await?,
    })
}
