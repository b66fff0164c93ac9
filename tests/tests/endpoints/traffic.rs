//! What the control plane does, seen by those who send requests.

use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, ensure};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::client::steady::{Counts, Protocol, RunningClients, Steady};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::{EnvoyVersion, wait};
use tokio::try_join;

use super::cluster_file::{Endpoint, cluster_file};
use super::proxy::{GATEWAY, PATIENCE, Plan, Proxy};
use super::transport::Transport;

/// A control plane with one endpoint, an Envoy that has it, and requests through this Envoy all the time.
pub struct Bed {
    pub control_plane: ControlPlane,
    pub proxy: Proxy,
    clients: RunningClients,
    counts: Arc<Counts>,
    /// The one that is served at first, and another.
    pub endpoints: [Endpoint; 2],
    backends: [Backend; 2],
}

impl Bed {
    pub async fn start(version: EnvoyVersion, transport: Transport) -> Result<Self> {
        let backends = [Backend::start()?, Backend::start()?];
        let endpoints = [0, 1].map(|number: usize| Endpoint::at(backends[number].address()));
        let control_plane = ControlPlane::start(&cluster_file(&[(GATEWAY, &endpoints[..1])])).await?;
        Self::around(control_plane, &[], Plan::new(version, transport), endpoints, backends).await
    }

    /// With a second replica of the control plane, which Envoy does not use yet.
    pub async fn start_with_replica(version: EnvoyVersion, transport: Transport) -> Result<(Self, ControlPlane)> {
        let backends = [Backend::start()?, Backend::start()?];
        let endpoints = [0, 1].map(|number: usize| Endpoint::at(backends[number].address()));
        let file = cluster_file(&[(GATEWAY, &endpoints[..1])]);
        let (control_plane, mut replica) = try_join!(ControlPlane::start(&file), ControlPlane::start(&file))?;
        let plan = Plan::new(version, transport);
        let mut bed = Self::around(control_plane, &[replica.xds()], plan, endpoints, backends).await?;
        if bed.control_plane.metric(transport.streams_metric()).await? != Some(1.0) {
            mem::swap(&mut bed.control_plane, &mut replica);
        }
        Ok((bed, replica))
    }

    async fn around(
        control_plane: ControlPlane,
        replicas: &[SocketAddr],
        plan: Plan,
        endpoints: [Endpoint; 2],
        backends: [Backend; 2],
    ) -> Result<Self> {
        let replicas = [&[control_plane.xds()], replicas].concat();
        let proxy = plan.start_with_replicas(&replicas).await?;
        let clients = Steady { target: proxy.address, protocol: Protocol::Http1, connections: 8, rate: 50.0 }.start();
        let bed = Self { control_plane, proxy, counts: clients.counts(), clients, endpoints, backends };
        bed.requests_pass().await?;
        Ok(bed)
    }

    /// A hundred of them, in about a quarter of a second.
    pub async fn requests_pass(&self) -> Result<()> {
        let more = self.counts.snapshot().requests + 100;
        let requests = async || Ok(self.counts.snapshot().requests);
        wait::until("requests to pass", PATIENCE, requests, |seen| *seen >= more).await.map(drop)
    }

    /// The file gets both endpoints, Envoy too, and the second one gets requests.
    pub async fn follows_the_file(&self) -> Result<()> {
        self.control_plane.edit(&cluster_file(&[(GATEWAY, &self.endpoints)]))?;
        self.proxy.hosts_become(GATEWAY, &self.endpoints).await?;
        let served = async || Ok(self.backends[1].record().total());
        wait::until("the second endpoint to serve", PATIENCE, served, |total| *total > 0).await.map(drop)
    }

    /// Envoy has the first endpoint and no other.
    pub async fn keeps_its_hosts(&self) -> Result<()> {
        let hosts = self.proxy.hosts(GATEWAY).await?;
        ensure!(hosts == [self.endpoints[0].clone()].into(), "{hosts:?}");
        Ok(())
    }

    /// The clients' connections stand, too.
    pub async fn no_request_failed(self) -> Result<()> {
        let counts = self.clients.stop().await?;
        ensure!(counts.failed == 0 && counts.closes == 0, "{counts:?}\n{}", self.proxy.envoy.log_tail());
        Ok(())
    }
}
