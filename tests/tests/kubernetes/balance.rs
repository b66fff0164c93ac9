//! Connections move on the orders of the leader, and go on moving when it is killed.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::gateways::{Clients, Fleet, Gateway, Plan, Traffic, is_balanced, status};
use evenkeel_tests::kubernetes::{Node, create_ready};
use evenkeel_tests::{EnvoyVersion, network, wait};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::sync::watch;

use super::cluster::Cluster;
use super::replica::{Replica, two};

/// Much longer than any rebalance takes.
const PATIENCE: Duration = Duration::from_mins(2);
/// The default.
const SETTLE: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 160;
/// From three gateways to four takes 0.7 closes per connection behind a blind balancer, by chance up to 1.2.
const MOST_CLOSES: u64 = CONNECTIONS as u64 * 135 / 100;

const GATEWAYS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}
---
{apiVersion: v1, kind: Service, metadata: {name: gateway, namespace: istio-system}, spec: {
  selector: {app: gateway}, ports: [{name: http, port: 80, targetPort: http}]}}
";

#[test]
fn a_move_goes_on_under_the_other_replica_when_the_leader_is_killed() -> Result<()> {
    network::isolated(|| async {
        let cluster = Cluster::start().await?;
        cluster.kubernetes.apply(GATEWAYS).await?;
        let (mut first, second) = two(&cluster).await?;
        let (service, mut gateways) = Gateways::start(&cluster, &first, &second).await?;
        gateways.scale_out(3).await?;
        is_even(&first, 3).await?;
        let clients = Clients { h1: CONNECTIONS, ..Clients::default() };
        let traffic = Traffic::start(gateways.fleet.address().await?, clients, Duration::from_millis(250));
        gateways.fleet.holds(CONNECTIONS).await?;
        let before = gateways.fleet.closes().await?;
        gateways.scale_out(1).await?;
        gateways.have_drained(20).await?;

        first.control_plane.kill()?;
        second.becomes_leader().await?;
        second.is_labelled(true).await?;
        service.send_replace(second.control_plane.xds());
        is_even(&second, 4).await?;
        gateways.fleet.holds_evenly(CONNECTIONS).await?;
        let closes = gateways.fleet.closes().await? - before;
        ensure!(closes <= MOST_CLOSES, "{closes} closes of {CONNECTIONS} connections");
        gateways.fleet.nothing_is_closed_for(QUIET).await?;
        let answers = traffic.stop().await?;
        ensure!(answers.failed == 0, "{answers:?}");
        Ok(())
    })
}

/// Waits until the group has come to rest, even, with so many members.
async fn is_even(replica: &Replica, members: usize) -> Result<()> {
    let group = async || status::of(&replica.control_plane).await?.context("nobody reports");
    wait::until("the group to be even", PATIENCE, group, |group| is_balanced(group, members)).await.map(drop)
}

/// Gateways that are pods: the objects are written here, as their kubelets would.
struct Gateways {
    fleet: Fleet,
    pods: Api<Pod>,
}

impl Gateways {
    /// None yet. They will report to whom the returned sender says, as the Service does that selects the leader's label.
    async fn start(cluster: &Cluster, first: &Replica, second: &Replica) -> Result<(watch::Sender<SocketAddr>, Self)> {
        let plan = Plan::new(EnvoyVersion::NEWEST, 0).rebalance(0.2, SETTLE);
        let addresses = [first.control_plane.xds(), second.control_plane.xds()];
        let (service, leader) = watch::channel(addresses[0]);
        // An address of a pod network: an EndpointSlice does not take loopback addresses.
        let plan = plan.pods_from(Ipv4Addr::new(10, 244, 9, 1));
        let fleet = Fleet::start(&plan, &addresses, leader).await?;
        let pods = Api::namespaced(cluster.kubernetes.client(), "istio-system");
        Ok((service, Self { fleet, pods }))
    }

    async fn scale_out(&mut self, count: usize) -> Result<()> {
        let gateways = self.fleet.more_gateways(count).await?;
        for gateway in &gateways {
            self.create_pod(gateway).await?;
        }
        self.fleet.add(gateways);
        self.fleet.is_known().await
    }

    async fn create_pod(&self, gateway: &Gateway) -> Result<()> {
        let address = gateway.address();
        let name = format!("gateway-{}", address.ip()).replace('.', "-");
        create_ready(&self.pods, (&name, "gateway"), None, &Node::new(1), address).await
    }

    /// Waits until connections move, and so many have been told to go.
    async fn have_drained(&self, count: u64) -> Result<()> {
        let drains = async || self.fleet.drains().await;
        wait::until("connections to move", PATIENCE, drains, |drains| *drains >= count).await.map(drop)
    }
}
