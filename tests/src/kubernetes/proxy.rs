//! kube-proxy, which takes the connections to node ports.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result};
use evenkeel_bed::kubernetes::Component;
use serde_json::json;

use super::{Kubernetes, Node, PATIENCE};
use crate::network::Namespace;
use crate::process::Process;
use crate::{http_get, wait};

/// A running kube-proxy in nftables mode; it ends when dropped, its rules with the network of its node.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
}

impl Proxy {
    /// Starts it in the network of this node and waits until it has set up the rules.
    ///
    /// # Errors
    /// When the bed is missing, or nothing is set up within a minute: the text has the end of its log.
    pub async fn start(kubernetes: &Kubernetes, node: &Node, network: &Namespace) -> Result<Self> {
        let folder = kubernetes.credentials.folder();
        let health = SocketAddr::from((node.address, 10256));
        let file = folder.join(format!("kube-proxy-{}.json", node.name));
        std::fs::write(&file, configuration(kubernetes, node, health)?.to_string())?;
        let mut command = Command::new(Component::Proxy.find()?);
        command.arg("--config").arg(file);
        let log = folder.join(format!("kube-proxy-{}.log", node.name));
        let process = network.run(|| Process::spawn("kube-proxy", command, &log))?;
        let mut proxy = Self { process };
        proxy.wait_until_healthy(health).await?;
        Ok(proxy)
    }

    /// The rules have been set up at least once, and lately.
    async fn wait_until_healthy(&mut self, address: SocketAddr) -> Result<()> {
        let health = async || match self.process.check_running() {
            Err(ended) => Ok(Err(ended)),
            Ok(()) => http_get::get(address, "/healthz").await.map(|(status, _)| Ok(status)),
        };
        let healthy = |seen: &Result<http::StatusCode>| seen.as_ref().map_or(true, http::StatusCode::is_success);
        let healthy = wait::until("kube-proxy to be healthy", PATIENCE, health, healthy).await;
        healthy.with_context(|| self.process.log_tail())?.map(drop)
    }
}

/// The configuration API is `kubeproxy.config.k8s.io/v1alpha1`. Conntrack's limits are the machine's, not a node's.
fn configuration(kubernetes: &Kubernetes, node: &Node, health: SocketAddr) -> Result<serde_json::Value> {
    Ok(json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": kubernetes.credentials.admin_kubeconfig(kubernetes.api_server.url())?},
        "hostnameOverride": node.name,
        "bindAddress": node.address,
        "healthzBindAddress": health.to_string(),
        "metricsBindAddress": "127.0.0.1:10249",
        "nodePortAddresses": ["10.1.0.0/16"],
        "clusterCIDR": "10.244.0.0/16",
        "conntrack": {"maxPerCore": 0, "min": 0},
    }))
}
