//! Everything that is there: nodes, the mesh, the control plane, and a balancer outside.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel::policy::ConnectionPolicy;
use evenkeel_bed::artifact;
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, HttpListener};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::gateways::is_even;
use evenkeel_tests::istio::Istiod;
use evenkeel_tests::kubernetes::{CONTROL_PLANE_ACCOUNT, Kubernetes, Node, Pods, Proxy};
use evenkeel_tests::network::NodeNetwork;
use evenkeel_tests::{EnvoyVersion, http_get, wait};
use futures::future::try_join_all;
use kube::{Api, CustomResourceExt};
use tokio::time::{Instant, sleep};

use super::clients::Clients;
use super::members::{Counts, Members};
use super::place::Place;

/// How long a change may take; much longer than any that succeeds.
const PATIENCE: Duration = Duration::from_mins(2);
/// The same for a balance: where connections land is chance, and the control plane may need a second look at it (20 s), or
/// pause (a minute) when it has been misled.
const BALANCE: Duration = Duration::from_mins(5);
/// The last node has the application behind gateways.
const NODES: u8 = 5;
const NODE_PORT: u16 = 30080;
const CLIENTS: usize = 240;
const BALANCED: &str = "Balanced";
const CONTROL_PLANE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 30)), 18000);

/// Running programs; they end when dropped.
pub struct Bed {
    pub members: Members,
    pub clients: Clients,
    balancer: Envoy,
    _control_plane: ControlPlane,
    istiod: Istiod,
    _application: Option<Pods>,
    _proxies: Vec<Proxy>,
    place: Place,
    kubernetes: Kubernetes,
    _network: NodeNetwork,
}

impl Bed {
    /// With two pods, this policy, and all clients connected.
    pub async fn start(place: Place, version: EnvoyVersion, policy: Option<&str>) -> Result<Self> {
        let network = NodeNetwork::new(NODES)?;
        let kubernetes = Kubernetes::start().await?;
        let istiod = Istiod::start(&kubernetes).await?;
        kubernetes.apply(&serde_json::to_string(&ConnectionPolicy::crd())?).await?;
        kubernetes.apply(place.objects()).await?;
        let proxies = start_nodes(&kubernetes, &network).await?;
        let application = place.behind(&kubernetes, &network, NODES).await?;
        let control_plane = control_plane(&kubernetes).await?;
        let on = (1..NODES).map(|number| Ok((Node::new(number), network.pod(number, 1)?)));
        let mut members = Members::new(&kubernetes, place, version, on.collect::<Result<_>>()?);
        members.scale(2).await?;
        let balancer = balancer(version).await?;
        let address = balancer.listener("balancer").await?;
        if let Some(policy) = policy {
            kubernetes.apply(policy).await?;
            // To add a filter drains each connection once: there are none yet.
            let state = async || state(&kubernetes, place).await;
            wait::until("the policy to be carried out", PATIENCE, state, |state| state == BALANCED).await?;
        }
        for node in nodes() {
            wait::until("a node to serve", PATIENCE, async || is_served(node).await, |served| *served).await?;
        }
        let clients = Clients::start(address, CLIENTS);
        let bed = Self {
            members,
            clients,
            balancer,
            _control_plane: control_plane,
            istiod,
            _application: application,
            _proxies: proxies,
            place,
            kubernetes,
            _network: network,
        };
        bed.is_connected().await?;
        Ok(bed)
    }

    /// Waits until the pods have at least a connection for each client.
    pub async fn is_connected(&self) -> Result<()> {
        let open = async || Ok(self.open().await?.iter().sum::<u64>());
        wait::until("all clients to be connected", PATIENCE, open, |open| *open >= CLIENTS as u64).await.map(drop)
    }

    /// Waits until the pods are even, and the policy says so.
    pub async fn becomes_even(&self) -> Result<()> {
        let seen = async || Ok((self.open().await?, state(&self.kubernetes, self.place).await?));
        let is_done = |(open, state): &(Vec<u64>, String)| is_even(open) && state == BALANCED;
        wait::until("the pods to be even", BALANCE, seen, is_done).await.map(drop)
    }

    /// Watches for this long that the newest pods do not get what they should have.
    pub async fn stays_uneven_for(&mut self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            let open = self.open().await?;
            ensure!(!is_even(&open), "without a policy: {open:?}");
            self.clients.check()?;
            sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    /// Open connections of each pod.
    pub async fn open(&self) -> Result<Vec<u64>> {
        Ok(self.members.counts().await?.into_iter().map(|counts| counts.open).collect())
    }

    /// Connections that were told to go so far.
    pub async fn drained(&self) -> Result<u64> {
        Ok(self.members.counts().await?.iter().map(|counts: &Counts| counts.drained).sum())
    }

    /// Ends the clients: not one request has failed, neither for them nor for the balancer nor for a pod's proxy.
    pub async fn end(self) -> Result<()> {
        ensure!(self.clients.stop().await? > 0, "no request was sent");
        let failed =
            self.balancer.stat_sum(&["cluster.nodes.upstream_rq_5xx", "cluster.nodes.upstream_rq_retry"]).await?;
        ensure!(failed == 0, "{failed} requests of the balancer");
        let counts = self.members.counts().await?;
        ensure!(counts.iter().all(|counts| counts.retried == 0), "{counts:?}");
        ensure!(self.istiod.refusals().is_empty(), "{:?}", self.istiod.refusals());
        Ok(())
    }
}

/// What the policy's status says in a word.
async fn state(kubernetes: &Kubernetes, place: Place) -> Result<String> {
    let (namespace, name) = place.service();
    let policies: Api<ConnectionPolicy> = Api::namespaced(kubernetes.client(), namespace);
    policies.get(name).await?.status.and_then(|status| status.state).context("no state yet")
}

/// Ten connections, so that more than one pod is met.
async fn is_served(address: SocketAddr) -> Result<bool> {
    let answers = try_join_all((0..10).map(|_| http_get::get(address, "/"))).await?;
    Ok(answers.iter().all(|(status, _)| status.is_success()))
}

async fn start_nodes(kubernetes: &Kubernetes, network: &NodeNetwork) -> Result<Vec<Proxy>> {
    let mut proxies = Vec::new();
    for number in 1..=NODES {
        let node = Node::new(number);
        node.apply(kubernetes).await?;
        if number < NODES {
            proxies.push(Proxy::start(kubernetes, &node, &*network.node(number)?).await?);
        }
    }
    Ok(proxies)
}

/// As the chart starts it, but that the proxies have the filter as a file: nobody fetches it here.
async fn control_plane(kubernetes: &Kubernetes) -> Result<ControlPlane> {
    kubernetes.create_control_plane_account().await?;
    let kubeconfig = kubernetes.kubeconfig_for(CONTROL_PLANE_ACCOUNT, &kubernetes.api_server).await?;
    let module = artifact::wasm()?;
    let flags = [
        "--insecure".to_owned(),
        "--policies-from-cluster".to_owned(),
        format!("--filter-module={}", module.display()),
        format!("--filter-url=file://{}", module.display()),
        format!("--control-plane-host={}", CONTROL_PLANE.ip()),
        format!("--control-plane-port={}", CONTROL_PLANE.port()),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut control_plane = ControlPlane::launch_in_cluster_on(CONTROL_PLANE, &kubeconfig, &flags).await?;
    control_plane.becomes_ready().await?;
    Ok(control_plane)
}

/// Where a node port is.
fn nodes() -> Vec<SocketAddr> {
    (1..NODES).map(|number| SocketAddr::from((Node::new(number).address, NODE_PORT))).collect()
}

/// It speaks HTTP with clients and with node ports, and keeps its connections. One worker has one pool.
async fn balancer(version: EnvoyVersion) -> Result<Envoy> {
    let bootstrap = Bootstrap::new("balancer")
        .listener(HttpListener::new("balancer").route("/", "nodes"))
        .cluster(Cluster::new("nodes", &nodes()));
    Start::new(version).concurrency(1).run(bootstrap.into_json()).await
}
