//! What the control plane does, seen by those who send requests.

use std::sync::Arc;

use anyhow::{Result, ensure};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::client::steady::{Counts, Protocol, RunningClients, Steady};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::{EnvoyVersion, wait};

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
        let proxy = Plan::new(version, transport).start(control_plane.xds()).await?;
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
