//! What runs in a pod: the control plane as its container says, or a gateway's Envoy.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_bed::EnvoyVersion;
use evenkeel_tests::bootstrap::address as address_message;
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::http_get;
use evenkeel_tests::istio::{Proxy, Role};
use evenkeel_tests::kubernetes::container;
use evenkeel_tests::network::Namespace;
use evenkeel_tests::process::Process;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Builder;

/// Where the name server answers, also to who is on a node.
pub const NAMES: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 53);
/// How long a program may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// It ends when dropped.
pub enum Program {
    ControlPlane { process: Process, address: IpAddr, _log: TempDir },
    Gateway { envoy: Box<Envoy>, _configuration: TempDir },
}

impl Program {
    /// A replica of the control plane.
    pub fn control_plane(pod: &Pod, address: IpAddr, kubeconfig: &Path, network: &Namespace) -> Result<Self> {
        let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
        let container = serde_json::to_value(pod)?["spec"]["containers"][0].take();
        let command = container::control_plane(&container, (&name, &namespace), kubeconfig, &[])?;
        let log = tempfile::tempdir()?;
        let process = network.run(|| Process::spawn(&name, command, &log.path().join("log")))?;
        Ok(Self::ControlPlane { process, address, _log: log })
    }

    /// A gateway, once it has its first configuration.
    pub fn gateway(pod: &Pod, address: IpAddr, network: &Namespace) -> Result<Self> {
        let configuration = tempfile::tempdir()?;
        let file = configuration.path().join("envoy.json");
        fs::write(&file, bootstrap(pod, address)?.to_string())?;
        let start = Start::new(EnvoyVersion::NEWEST).drain_as_in_istio().concurrency(1);
        let runtime = || Builder::new_current_thread().enable_all().build();
        let envoy = network.run(|| runtime()?.block_on(start.run_file(&file)))?;
        Ok(Self::Gateway { envoy: Box::new(envoy), _configuration: configuration })
    }

    /// What its readiness probe says.
    pub async fn is_ready(&self) -> bool {
        match self {
            Self::Gateway { .. } => true,
            Self::ControlPlane { address, .. } => {
                let answer = http_get::get(SocketAddr::new(*address, 18001), "/readyz").await;
                answer.is_ok_and(|(status, _)| status.is_success())
            }
        }
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        match self {
            Self::ControlPlane { process, .. } => process.log_tail(),
            Self::Gateway { envoy, .. } => envoy.log_tail(),
        }
    }

    /// As a kubelet ends it.
    pub fn end(&mut self) -> Result<()> {
        match self {
            Self::ControlPlane { process, .. } => process.terminate(GRACE).map(drop),
            Self::Gateway { envoy, .. } => envoy.process().terminate(GRACE).map(drop),
        }
    }
}

/// As Istio's agent writes it: the admin port is 15000. Nobody fetches the filter for this Envoy, so it does so itself, by
/// the cluster that Istio's agent has no need of.
fn bootstrap(pod: &Pod, address: IpAddr) -> Result<Value> {
    let labels = pod.labels().clone();
    let (name, namespace) = (pod.name_any(), pod.namespace().context("a pod without a namespace")?);
    let proxy = Proxy { role: Role::Router, address, name, namespace, labels, dns: Some(NAMES) };
    let mut bootstrap = proxy.bootstrap()?;
    bootstrap["admin"] = json!({"address": address_message(SocketAddr::from(([127, 0, 0, 1], 15000)))});
    let clusters = bootstrap["static_resources"]["clusters"].as_array_mut().context("no clusters")?;
    clusters.push(filter_host());
    Ok(bootstrap)
}

fn filter_host() -> Value {
    let address = json!({"socket_address": {"address": "evenkeel-filter.evenkeel-system.svc.cluster.local", "port_value": 18002}});
    let endpoints = json!([{"lb_endpoints": [{"endpoint": {"address": address}}]}]);
    json!({
        "name": "_", "type": "STRICT_DNS", "dns_lookup_family": "V4_ONLY", "dns_refresh_rate": "1s",
        "load_assignment": {"cluster_name": "_", "endpoints": endpoints},
    })
}
