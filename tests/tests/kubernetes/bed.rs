//! A cluster, a control plane that follows it, an Envoy that follows the control plane, and requests all the time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use evenkeel_tests::client::steady::{Counts, Protocol, RunningClients, Snapshot, Steady};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::kubernetes::Pod;
use evenkeel_tests::{EnvoyVersion, wait};

use super::cluster::{Cluster, RESOURCE};
use super::gateway::{Gateway, PATIENCE};

/// Makes a test of every named function for each Envoy, in a network of its own.
macro_rules! on_each_envoy {
    ($($test:ident),+ $(,)?) => {
        on_each_envoy! { @envoy envoy_1_37 V1_37 [$($test)+] }
        on_each_envoy! { @envoy envoy_1_40 V1_40 [$($test)+] }
    };
    (@envoy $module:ident $version:ident [$($test:ident)+]) => {
        mod $module {
            $(
                #[test]
                fn $test() -> anyhow::Result<()> {
                    evenkeel_tests::network::isolated(|| super::$test(evenkeel_tests::EnvoyVersion::$version))
                }
            )+
        }
    };
}

pub struct Bed {
    clients: RunningClients,
    counts: Arc<Counts>,
    pub gateway: Gateway,
    pub control_plane: ControlPlane,
    pub cluster: Cluster,
}

impl Bed {
    pub async fn start(version: EnvoyVersion) -> Result<Self> {
        let cluster = Cluster::start().await?;
        let kubeconfig = cluster.kubeconfig().await?;
        Self::start_with(version, cluster, &kubeconfig).await
    }

    /// The control plane uses this kubeconfig file.
    pub async fn start_with(version: EnvoyVersion, cluster: Cluster, kubeconfig: &Path) -> Result<Self> {
        let control_plane = ControlPlane::start_in_cluster(kubeconfig).await?;
        let gateway = Gateway::start(version, control_plane.xds(), RESOURCE).await?;
        let clients = Steady { target: gateway.address, protocol: Protocol::Http1, connections: 4, rate: 50.0 }.start();
        let bed = Self { counts: clients.counts(), clients, gateway, control_plane, cluster };
        bed.only_ready_pods_get_requests().await?;
        Ok(bed)
    }

    /// Starts or terminates pods, and sees the requests go where they should. Then the terminated ones end.
    pub async fn scale(&mut self, count: usize) -> Result<()> {
        self.cluster.pods.scale(count).await?;
        self.settle().await
    }

    /// The pods that are running now get all requests; the terminating ones lose their connections, then end.
    pub async fn settle(&mut self) -> Result<()> {
        self.only_ready_pods_get_requests().await?;
        self.cluster.pods.end_terminating().await
    }

    pub async fn only_ready_pods_get_requests(&self) -> Result<()> {
        let pods = &self.cluster.pods;
        self.gateway.hosts_become(&pods.addresses()).await?;
        // Workers hear of it a little after the main thread, and then let go of connections.
        for pod in pods.terminating() {
            let open = async || Ok(pod.record().open_connections());
            wait::until("the connections to go", PATIENCE, open, |open| *open == 0).await?;
        }
        let (left, before) = (served(pods.terminating()), served(pods.running()));
        let everywhere = |now: &BTreeMap<_, _>| now.iter().all(|(pod, total)| total > &before[pod]);
        wait::until("every pod to serve", PATIENCE, async || Ok(served(pods.running())), everywhere).await?;
        self.requests_pass().await?;
        ensure!(served(pods.terminating()) == left, "{left:?} before, now {:?}", served(pods.terminating()));
        Ok(())
    }

    /// A hundred of them, well or not, in about half a second.
    pub async fn requests_pass(&self) -> Result<()> {
        let more = self.counts.snapshot().requests + 100;
        let requests = async || Ok(self.counts.snapshot().requests);
        wait::until("requests to pass", PATIENCE, requests, |seen| *seen >= more).await.map(drop)
    }

    pub fn counts(&self) -> Snapshot {
        self.counts.snapshot()
    }

    /// No request has failed so far.
    pub fn none_failed(&self) -> Result<()> {
        let counts = self.counts();
        ensure!(counts.failed == 0, "{counts:?}\n{}", self.gateway.envoy.log_tail());
        Ok(())
    }

    /// Ends the clients; not one of their requests has failed.
    pub async fn end(self) -> Result<()> {
        let counts = self.clients.stop().await?;
        ensure!(counts.failed == 0, "{counts:?}\n{}", self.gateway.envoy.log_tail());
        Ok(())
    }
}

/// How many requests each pod has served.
fn served(pods: &[Pod]) -> BTreeMap<SocketAddr, u64> {
    pods.iter().map(|pod| (pod.address(), pod.record().total())).collect()
}
