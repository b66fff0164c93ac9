//! Three nodes with a kube-proxy each, pods on two of them, and an Envoy outside.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, ConnectionLimits, EndpointSource, HttpListener};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::kubernetes::{Kubernetes, Node, Pods, Proxy};
use evenkeel_tests::network::NodeNetwork;
use evenkeel_tests::{EnvoyVersion, http_get, wait};

const PATIENCE: Duration = Duration::from_secs(20);
const NODE_PORT: u16 = 30080;
const SERVICE: &str = "service";
const CONTROL_PLANE: &str = "control-plane";
/// Nobody's account in particular: what the control plane may do is another suite's.
const VIEWER: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: viewer, namespace: shop}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: viewer},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin},
 subjects: [{kind: ServiceAccount, name: viewer, namespace: shop}]}
";

/// `externalTrafficPolicy`
#[derive(Clone, Copy, Debug)]
pub enum Policy {
    Local,
    Cluster,
}

pub struct Bed {
    envoy: Envoy,
    gateway: SocketAddr,
    _control_plane: ControlPlane,
    pub pods: Pods,
    _proxies: Vec<Proxy>,
    pub kubernetes: Kubernetes,
    _network: NodeNetwork,
}

impl Bed {
    /// With one pod on node 1, two on node 2, none on node 3.
    pub async fn start(version: EnvoyVersion, policy: Policy) -> Result<Self> {
        let network = NodeNetwork::new(3)?;
        let kubernetes = Kubernetes::start().await?;
        kubernetes.apply(VIEWER).await?;
        kubernetes.apply(&service(policy)).await?;
        let proxies = start_nodes(&kubernetes, &network).await?;
        let on = [1, 2, 2].into_iter().map(|number| Ok((Node::new(number), network.node(number)?)));
        let mut pods = Pods::on(&kubernetes, "shop", "cart", on.collect::<Result<_>>()?);
        pods.scale(3).await?;
        let kubeconfig = kubernetes.kubeconfig_for(("shop", "viewer"), &kubernetes.api_server).await?;
        let control_plane = ControlPlane::start_in_cluster(&kubeconfig).await?;
        let envoy = envoy(version, control_plane.xds()).await?;
        let gateway = envoy.listener("gateway").await?;
        Ok(Self {
            envoy,
            gateway,
            _control_plane: control_plane,
            pods,
            _proxies: proxies,
            kubernetes,
            _network: network,
        })
    }

    pub async fn set_policy(&self, policy: Policy) -> Result<()> {
        self.kubernetes.apply(&service(policy)).await
    }

    /// Waits until Envoy has these nodes with these weights, and no others.
    pub async fn nodes_become(&self, expected: &[(u8, u64)]) -> Result<()> {
        let address = |number: u8| SocketAddr::from((Node::new(number).address, NODE_PORT));
        let expected: BTreeMap<_, _> = expected.iter().map(|(number, weight)| (address(*number), *weight)).collect();
        let what = format!("the nodes to be {expected:?}");
        wait::until(&what, PATIENCE, async || self.envoy.hosts(SERVICE).await, |nodes| *nodes == expected)
            .await
            .map(drop)
    }

    /// Sends requests one after another, each on a connection of its own, and says how many each pod served.
    ///
    /// # Errors
    /// When one of them fails.
    pub async fn send(&self, requests: usize) -> Result<BTreeMap<SocketAddr, u64>> {
        self.send_to(self.gateway, requests).await
    }

    /// Waits until requests are answered: kube-proxy hears of changes for itself.
    pub async fn answers(&self) -> Result<()> {
        let answers = async || self.send(20).await;
        wait::until("requests to be answered", PATIENCE, answers, |_| true).await.map(drop)
    }

    /// Waits until each node's port leads to every pod: one kube-proxy hears of a pod later than another.
    pub async fn every_node_leads_to_every_pod(&self) -> Result<()> {
        for number in 1..=3 {
            let port = SocketAddr::from((Node::new(number).address, NODE_PORT));
            let served = async || self.send_to(port, 20).await;
            let by_all = |served: &BTreeMap<_, u64>| served.values().all(|requests| *requests > 0);
            wait::until("every pod to serve behind a node", PATIENCE, served, by_all).await?;
        }
        Ok(())
    }

    async fn send_to(&self, target: SocketAddr, requests: usize) -> Result<BTreeMap<SocketAddr, u64>> {
        let before = self.served();
        for number in 0..requests {
            let (status, _) = http_get::get(target, "/").await?;
            ensure!(status.is_success(), "request {number}: {status}\n{}", self.envoy.log_tail());
        }
        Ok(self.served().into_iter().map(|(pod, total)| (pod, total - before[&pod])).collect())
    }

    fn served(&self) -> BTreeMap<SocketAddr, u64> {
        self.pods.running().iter().map(|pod| (pod.address(), pod.record().total())).collect()
    }
}

fn service(policy: Policy) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: cart, namespace: shop}}, spec: {{
            type: NodePort, externalTrafficPolicy: {policy:?}, selector: {{app: cart}},
            ports: [{{name: http, port: 80, targetPort: http, nodePort: {NODE_PORT}}}]}}}}"
    )
}

async fn start_nodes(kubernetes: &Kubernetes, network: &NodeNetwork) -> Result<Vec<Proxy>> {
    let mut proxies = Vec::new();
    for number in 1..=3 {
        let node = Node::new(number);
        node.apply(kubernetes).await?;
        let place: Arc<_> = network.node(number)?;
        proxies.push(Proxy::start(kubernetes, &node, &place).await?);
    }
    Ok(proxies)
}

/// One worker, so that its turns are the whole Envoy's; one request for each connection, so that kube-proxy has a choice.
async fn envoy(version: EnvoyVersion, control_plane: SocketAddr) -> Result<Envoy> {
    let source = EndpointSource::Stream { api_type: "DELTA_GRPC", cluster: CONTROL_PLANE.to_owned() };
    let limits = ConnectionLimits { max_requests_per_connection: Some(1), ..ConnectionLimits::default() };
    let bootstrap = Bootstrap::new("outside")
        .listener(HttpListener::new("gateway").route("/", SERVICE))
        .cluster(Cluster::control_plane(CONTROL_PLANE, &[control_plane]))
        .cluster(Cluster::eds(SERVICE, "nodes/shop/cart:80", &source).limits(limits));
    Start::new(version).concurrency(1).run(bootstrap.into_json()).await
}
