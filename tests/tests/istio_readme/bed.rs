//! A cluster with Istio, and gateways under load: what an operator has before Evenkeel.

use anyhow::{Result, ensure};
use evenkeel_tests::client::steady::{Protocol, RunningClients, Steady};
use evenkeel_tests::istio::Istiod;
use evenkeel_tests::kubernetes::{Kubernetes, Node, Pods, Proxy};
use evenkeel_tests::network::NodeNetwork;
use evenkeel_tests::{http_get, wait};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

use super::nodes::Nodes;
use super::shell::Shell;

const PATIENCE: Duration = Duration::from_mins(1);
/// The node by which clients come in, and where the application is.
const FRONT: u8 = 1;
/// Nodes for the pods of gateways and of the control plane, one more than there are replicas: an update needs it.
const BEHIND: [u8; 6] = [2, 3, 4, 5, 6, 7];
const NODE_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 0, FRONT)), 30080);
/// Each has a connection, and keeps it as long as it may. Fewer could be uneven by chance.
pub const CLIENTS: usize = 90;
const GATEWAY: &str = "istio-ingressgateway";

/// Controllers that make pods of Deployments, and delete what belongs to what was deleted.
const CONTROLLERS: [&str; 3] = ["deployment-controller", "replicaset-controller", "garbage-collector-controller"];

const SHOP: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}]}}
";
const GATEWAYS: &str = "
{apiVersion: v1, kind: Service, metadata: {name: istio-ingressgateway, namespace: istio-system}, spec: {
  type: NodePort, selector: {istio: ingressgateway},
  ports: [{name: http2, port: 80, targetPort: 8080, nodePort: 30080}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: istio-ingressgateway, namespace: istio-system}, spec: {
  replicas: 1, selector: {matchLabels: {istio: ingressgateway}},
  template: {metadata: {labels: {istio: ingressgateway}},
    spec: {containers: [{name: istio-proxy, image: auto, ports: [{containerPort: 8080}]}]}}}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gateway, namespace: istio-system}, spec: {
  selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: cart, namespace: istio-system}, spec: {
  hosts: ['*'], gateways: [gateway],
  http: [{route: [{destination: {host: cart.shop.svc.cluster.local, port: {number: 80}}}]}]}}
";

/// Everything but the nodes' pods, which change by themselves.
pub struct Bed {
    pub kubernetes: Kubernetes,
    pub istiod: Istiod,
    _application: Pods,
    _proxy: Proxy,
    _network: NodeNetwork,
}

impl Bed {
    /// With a Deployment of one gateway that no node runs yet.
    pub async fn start() -> Result<(Self, Nodes)> {
        let network = NodeNetwork::new(BEHIND[BEHIND.len() - 1])?;
        let kubernetes = Kubernetes::start_with(&CONTROLLERS).await?;
        kubernetes.apply(SHOP).await?;
        let nodes = Nodes::start(&kubernetes, &network, &BEHIND).await?;
        let (front, place) = (Node::new(FRONT), network.node(FRONT)?);
        front.apply(&kubernetes).await?;
        let proxy = Proxy::start(&kubernetes, &front, &place).await?;
        let mut application = Pods::on(&kubernetes, "shop", "cart", vec![(front, place)]);
        application.scale(1).await?;
        let istiod = Istiod::start(&kubernetes).await?;
        kubernetes.apply(GATEWAYS).await?;
        Ok((Self { kubernetes, istiod, _application: application, _proxy: proxy, _network: network }, nodes))
    }

    /// The shell of its administrator.
    pub fn shell(&self) -> Result<Shell> {
        Shell::open(self.kubernetes.admin_kubeconfig()?)
    }

    /// Clients that came while there was one gateway; then there is another one.
    pub async fn is_scaled_out_under_load(&self) -> Result<RunningClients> {
        let served = async || Ok(http_get::get(NODE_PORT, "/").await?.0);
        wait::until("the gateway to serve", PATIENCE, served, http::StatusCode::is_success).await?;
        let clients = Steady { target: NODE_PORT, protocol: Protocol::Http1, connections: CLIENTS, rate: 3.0 }.start();
        let counts = clients.counts();
        let requests = async || Ok(counts.snapshot().requests);
        wait::until("every client to be served", PATIENCE, requests, |requests| *requests > 3 * CLIENTS as u64).await?;
        let deployments: Api<Deployment> = Api::namespaced(self.kubernetes.client(), "istio-system");
        let two = Patch::Merge(json!({"spec": {"replicas": 2}}));
        deployments.patch(GATEWAY, &PatchParams::default(), &two).await?;
        wait::until("two gateways", PATIENCE, async || self.gateways().await, |gateways| gateways.len() == 2).await?;
        Ok(clients)
    }

    /// The names of the gateways that are ready.
    pub async fn gateways(&self) -> Result<Vec<String>> {
        let pods: Api<Pod> = Api::namespaced(self.kubernetes.client(), "istio-system");
        let ready = ListParams::default().labels("istio=ingressgateway").fields("status.phase=Running");
        Ok(pods.list(&ready).await?.items.iter().map(ResourceExt::name_any).collect())
    }
}

/// No request has failed so far.
pub fn nothing_fails(clients: &RunningClients) -> Result<()> {
    let counts = clients.counts().snapshot();
    ensure!(counts.failed == 0, "{counts:?}");
    Ok(())
}
