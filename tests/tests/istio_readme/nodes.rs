//! What a scheduler and the kubelets of nodes do, and a name server: pods run where they are placed.
//!
//! Each node has room for one pod, in the node's network.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_tests::dns::DnsServer;
use evenkeel_tests::kubernetes::{Kubelet, Kubernetes, Node};
use evenkeel_tests::network::{Namespace, NodeNetwork};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::pod::{NAMES, Program};

/// How often they look.
const INTERVAL: Duration = Duration::from_millis(200);
/// Where the control plane is.
pub const EVENKEEL: &str = "evenkeel-system";

struct Place {
    node: Node,
    network: Arc<Namespace>,
    /// The pod that runs there.
    pod: Option<Running>,
    _kubelet: Kubelet,
}

struct Running {
    namespace: String,
    name: String,
    program: Program,
    ready: bool,
}

impl Place {
    /// The address of its pod.
    fn address(&self) -> Ipv4Addr {
        let [.., number] = self.node.address.octets();
        Ipv4Addr::new(10, 244, number, 1)
    }
}

/// The nodes that pods are placed on.
pub struct Nodes {
    client: kube::Client,
    places: Vec<Place>,
    names: DnsServer,
}

impl Nodes {
    /// These nodes, without pods.
    pub async fn start(kubernetes: &Kubernetes, network: &NodeNetwork, numbers: &[u8]) -> Result<Self> {
        let mut places = Vec::new();
        for number in numbers {
            let (node, network) = (Node::new(*number), network.node(*number)?);
            node.apply(kubernetes).await?;
            let kubelet = Kubelet::start(kubernetes, &node, &network).await?;
            places.push(Place { node, network, pod: None, _kubelet: kubelet });
        }
        for place in &places {
            place.speaks_for_its_pod(numbers.iter().copied().max().unwrap_or_default())?;
        }
        Ok(Self { client: kubernetes.client(), places, names: DnsServer::start_on(NAMES, &[]).await? })
    }

    /// Goes on until something fails.
    pub async fn run(&mut self, kubernetes: &Kubernetes) -> Result<()> {
        loop {
            self.round(kubernetes).await?;
            sleep(INTERVAL).await;
        }
    }

    /// The ends of all logs, for whoever looks at a failure.
    pub fn logs(&self) -> String {
        let running = self.places.iter().filter_map(|place| place.pod.as_ref());
        running.map(|pod| format!("{}:\n{}", pod.name, pod.program.log_tail())).collect::<Vec<_>>().join("\n")
    }

    async fn round(&mut self, kubernetes: &Kubernetes) -> Result<()> {
        let pods: BTreeMap<_, _> = self.pods().await?.into_iter().map(|pod| (pod.name_any(), pod)).collect();
        for place in &mut self.places {
            place.end_what_has_gone(&self.client, &pods).await?;
        }
        self.place_those_that_wait(kubernetes, &pods).await?;
        for place in &mut self.places {
            place.tell_readiness(&self.client).await?;
        }
        self.names.set(&self.leaders().await?);
        Ok(())
    }

    async fn place_those_that_wait(&mut self, kubernetes: &Kubernetes, pods: &BTreeMap<String, Pod>) -> Result<()> {
        for (name, pod) in pods.iter().filter(|(_, pod)| pod.metadata.deletion_timestamp.is_none()) {
            let running = |place: &Place| place.pod.as_ref().is_some_and(|running| running.name == *name);
            if self.places.iter().any(running) {
                continue;
            }
            if let Some(free) = self.places.iter_mut().find(|place| place.pod.is_none()) {
                free.start(kubernetes, pod).await.with_context(|| name.clone())?;
            }
        }
        Ok(())
    }

    /// Those that `Deployment`s have; others run by themselves.
    async fn pods(&self) -> Result<Vec<Pod>> {
        let of_deployments = ListParams::default().labels("pod-template-hash");
        Ok(Api::<Pod>::all(self.client.clone()).list(&of_deployments).await?.items)
    }

    /// To whom the Service that proxies report to leads. Here its name leads straight there.
    async fn leaders(&self) -> Result<Vec<Ipv4Addr>> {
        let slices: Api<EndpointSlice> = Api::namespaced(self.client.clone(), EVENKEEL);
        let of_service = ListParams::default().labels("kubernetes.io/service-name=evenkeel-rebalance");
        let slices = slices.list(&of_service).await?.items;
        let endpoints = slices.iter().flat_map(|slice| &slice.endpoints);
        let ready = endpoints.filter(|endpoint| endpoint.conditions.as_ref().is_some_and(|it| it.ready == Some(true)));
        Ok(ready.flat_map(|endpoint| &endpoint.addresses).filter_map(|address| address.parse().ok()).collect())
    }
}

impl Place {
    /// What leaves the node is from its pod: nobody else is there who opens connections.
    fn speaks_for_its_pod(&self, nodes: u8) -> Result<()> {
        let [.., number] = self.node.address.octets();
        let source = self.address();
        self.network.ip(&format!("route replace default via 10.1.0.254 src {source}"))?;
        for other in (1..=nodes).filter(|other| *other != number) {
            self.network.ip(&format!("route replace 10.244.{other}.0/24 via 10.1.0.{other} src {source}"))?;
        }
        Ok(())
    }

    async fn start(&mut self, kubernetes: &Kubernetes, pod: &Pod) -> Result<()> {
        let (namespace, name) = (pod.namespace().context("no namespace")?, pod.name_any());
        let pods: Api<Pod> = Api::namespaced(kubernetes.client(), &namespace);
        let target = json!({"apiVersion": "v1", "kind": "Node", "name": self.node.name});
        let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target});
        let _: Value = pods.create_subresource("binding", &name, &PostParams::default(), &binding).await?;
        let address = IpAddr::from(self.address());
        let program = if namespace == EVENKEEL {
            let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone()).context("no account")?;
            let kubeconfig = kubernetes.kubeconfig_for((EVENKEEL, &account), &kubernetes.api_server).await?;
            Program::control_plane(pod, address, &kubeconfig, &self.network)?
        } else {
            Program::gateway(pod, address, &self.network)?
        };
        self.pod = Some(Running { namespace, name, program, ready: false });
        Ok(())
    }

    async fn tell_readiness(&mut self, client: &kube::Client) -> Result<()> {
        let (address, host) = (self.address(), self.node.address);
        let Some(pod) = &mut self.pod else { return Ok(()) };
        let ready = pod.program.is_ready().await;
        if ready == pod.ready {
            return Ok(());
        }
        pod.ready = ready;
        let status = if ready { "True" } else { "False" };
        let conditions = ["Ready", "ContainersReady"].map(|kind| json!({"type": kind, "status": status}));
        let status = json!({"phase": "Running", "hostIP": host, "podIP": address, "podIPs": [{"ip": address}], "conditions": conditions});
        let pods: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace);
        pods.patch_status(&pod.name, &PatchParams::default(), &Patch::Strategic(json!({"status": status}))).await?;
        Ok(())
    }

    async fn end_what_has_gone(&mut self, client: &kube::Client, pods: &BTreeMap<String, Pod>) -> Result<()> {
        let stays = |pod: &Running| pods.get(&pod.name).is_some_and(|pod| pod.metadata.deletion_timestamp.is_none());
        let Some(mut gone) = self.pod.take_if(|pod| !stays(pod)) else { return Ok(()) };
        gone.program.end()?;
        let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        let pods: Api<Pod> = Api::namespaced(client.clone(), &gone.namespace);
        // It may have been deleted without a grace period.
        let _ = pods.delete(&gone.name, &at_once).await;
        Ok(())
    }
}
