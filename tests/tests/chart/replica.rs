//! The program in the place of a container: what a kubelet reads from the pod's template, it gets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::kubernetes::{Kubernetes, container};
use evenkeel_tests::process::Process;
use evenkeel_tests::{http_get, wait};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::cluster::PATIENCE;
use super::helm::NAMESPACE;

const NAME: &str = "evenkeel-1";
/// In the test's own network every address is local, so a server on all of them has this one as well.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 244, 1, 1));

pub struct Replica {
    process: Process,
    container: Value,
    kubernetes: kube::Client,
    _log: TempDir,
}

impl Replica {
    /// Creates the pod and starts its container. `mounts` are places in the container, and what is there.
    pub async fn start(
        kubernetes: &Kubernetes,
        template: &Value,
        kubeconfig: &Path,
        mounts: &[(&str, &str)],
    ) -> Result<Self> {
        create_pod(kubernetes, template).await?;
        let container = template["spec"]["containers"][0].clone();
        let command = container::control_plane(&container, (NAME, NAMESPACE), kubeconfig, mounts)?;
        let log = tempfile::tempdir()?;
        let process = Process::spawn(NAME, command, &log.path().join("log"))?;
        Ok(Self { process, container, kubernetes: kubernetes.client(), _log: log })
    }

    /// Its probes succeed, and the Services lead to it: the one for the leader because it has labelled its pod.
    pub async fn serves(&self) -> Result<()> {
        for probe in ["livenessProbe", "readinessProbe"] {
            let succeeds = async || self.probe(probe).await;
            wait::until(probe, PATIENCE, succeeds, |()| true).await.with_context(|| self.process.log_tail())?;
        }
        for service in ["evenkeel-xds", "evenkeel-rebalance", "evenkeel-admin", "evenkeel-filter"] {
            let what = format!("{service} to lead to the replica");
            let ports = async || self.ports_of(service).await;
            let ports = wait::until(&what, PATIENCE, ports, |ports| !ports.is_empty())
                .await
                .with_context(|| self.process.log_tail())?;
            for port in ports {
                let connected = tokio::net::TcpStream::connect((ADDRESS, port)).await;
                connected.with_context(|| format!("{service}: nobody listens on {port}"))?;
            }
        }
        Ok(())
    }

    /// As a kubelet ends it.
    pub async fn end(mut self) -> Result<()> {
        ensure!(self.process.terminate(PATIENCE)?.success(), "{}", self.process.log_tail());
        let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        pods(&self.kubernetes).delete(NAME, &at_once).await?;
        let ports = async || self.ports_of("evenkeel-rebalance").await;
        wait::until("nobody to lead", PATIENCE, ports, Vec::is_empty).await.map(drop)
    }

    async fn probe(&self, name: &str) -> Result<()> {
        let request = &self.container[name]["httpGet"];
        let (path, port) = (request["path"].as_str().context("no path")?, request["port"].as_str().context("no port")?);
        let ports = self.container["ports"].as_array().context("no ports")?;
        let port = ports.iter().find(|known| known["name"] == port).context("an unknown port")?;
        let port = port["containerPort"].as_u64().and_then(|port| u16::try_from(port).ok()).context("no port")?;
        let (status, body) = http_get::get(SocketAddr::new(ADDRESS, port), path).await?;
        ensure!(status.is_success(), "{status}: {body}");
        Ok(())
    }

    /// The ports to which a Service leads at the replica's address.
    async fn ports_of(&self, service: &str) -> Result<Vec<u16>> {
        let slices = Api::<EndpointSlice>::namespaced(self.kubernetes.clone(), NAMESPACE);
        let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
        let slices = slices.list(&of_service).await?.items;
        let address = ADDRESS.to_string();
        let leading = slices.iter().filter(|slice| slice.endpoints.iter().any(|one| one.addresses.contains(&address)));
        let ports = leading.flat_map(|slice| slice.ports.iter().flatten()).filter_map(|port| port.port);
        Ok(ports.filter_map(|port| u16::try_from(port).ok()).collect())
    }
}

fn pods(client: &kube::Client) -> Api<Pod> {
    Api::namespaced(client.clone(), NAMESPACE)
}

/// As the Deployment's controller and a kubelet make it: placed on a node, running and ready.
async fn create_pod(kubernetes: &Kubernetes, template: &Value) -> Result<()> {
    let mut pod = template.clone();
    pod["metadata"]["name"] = json!(NAME);
    pod["spec"]["nodeName"] = json!("node-1");
    let pods = pods(&kubernetes.client());
    pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
    let conditions = ["Ready", "ContainersReady"].map(|kind| json!({"type": kind, "status": "True"}));
    let status = json!({"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}], "conditions": conditions});
    pods.patch_status(NAME, &PatchParams::default(), &Patch::Strategic(json!({"status": status}))).await?;
    Ok(())
}
