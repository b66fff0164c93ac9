//! The control plane dies, hangs, starts late or stops, and nobody who sends requests notices.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::client::steady::{Counts, Protocol, RunningClients, Steady};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::envoy::LOOPBACK;
use evenkeel_tests::{EnvoyVersion, wait};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio::try_join;

use super::cluster_file::{Endpoint, cluster_file};
use super::metric::responses;
use super::proxy::{GATEWAY, PATIENCE, Plan, Proxy};
use super::transport::Transport;

on_each_transport! {
    a_killed_control_plane_comes_back_without_a_failed_request,
    what_changes_while_the_control_plane_is_dead_arrives_with_its_return,
    a_paused_control_plane_goes_on_without_a_failed_request,
    a_control_plane_that_starts_late_is_waited_for,
    a_control_plane_that_starts_after_the_fetch_timeout_is_followed,
    sigterm_ends_the_control_plane_and_envoy_finds_the_next,
}

/// How long the control plane may take to end while streams are open.
const END: Duration = Duration::from_secs(5);

async fn a_killed_control_plane_comes_back_without_a_failed_request(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let mut bed = Bed::start(version, transport).await?;
    bed.control_plane.kill()?;
    bed.proxy.connected_becomes(false).await?;
    bed.requests_pass().await?;
    assert_eq!(bed.proxy.hosts(GATEWAY).await?, bed.endpoints[..1].iter().cloned().collect());
    bed.control_plane.restart().await?;
    bed.control_plane.metric_becomes(transport.streams_metric(), 1.0, PATIENCE).await?;
    bed.requests_pass().await?;
    bed.follows_the_file().await?;
    // By delta Envoy says which version it still has, and nothing has to be sent again.
    assert_eq!(responses(&bed.control_plane).await?, if transport.is_delta() { 1 } else { 2 });
    bed.no_request_failed().await
}

async fn what_changes_while_the_control_plane_is_dead_arrives_with_its_return(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let mut bed = Bed::start(version, transport).await?;
    for endpoints in [&bed.endpoints.clone()[..], &bed.endpoints.clone()[1..]] {
        bed.control_plane.kill()?;
        bed.control_plane.edit(&cluster_file(&[(GATEWAY, endpoints)]))?;
        bed.control_plane.restart().await?;
        bed.proxy.hosts_become(GATEWAY, endpoints).await?;
    }
    bed.no_request_failed().await
}

async fn a_paused_control_plane_goes_on_without_a_failed_request(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let mut bed = Bed::start(version, transport).await?;
    bed.control_plane.process().pause()?;
    bed.control_plane.edit(&cluster_file(&[(GATEWAY, &bed.endpoints)]))?;
    bed.requests_pass().await?;
    assert_eq!(bed.proxy.hosts(GATEWAY).await?, bed.endpoints[..1].iter().cloned().collect());
    bed.control_plane.process().resume()?;
    bed.follows_the_file().await?;
    bed.no_request_failed().await
}

/// Envoy meets a server that takes its connection and drops it, until ours is there.
async fn a_control_plane_that_starts_late_is_waited_for(version: EnvoyVersion, transport: Transport) -> Result<()> {
    let endpoints = [Endpoint::unused(1)];
    let early = TcpListener::bind(LOOPBACK).await?;
    let address = early.local_addr()?;
    let late = async {
        timeout(PATIENCE, early.accept()).await.context("Envoy does not connect")??;
        drop(early);
        ControlPlane::start_on(address, &cluster_file(&[(GATEWAY, &endpoints)])).await
    };
    let (_control_plane, proxy) = try_join!(late, Plan::new(version, transport).start(address))?;
    assert_eq!(proxy.hosts(GATEWAY).await?, endpoints.into());
    Ok(())
}

async fn a_control_plane_that_starts_after_the_fetch_timeout_is_followed(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let endpoints = [Endpoint::unused(1)];
    let address = free_address().await?;
    let plan = Plan::new(version, transport).initial_fetch_timeout(Duration::from_millis(100));
    let proxy = plan.start(address).await?;
    assert!(proxy.hosts(GATEWAY).await?.is_empty());
    let _control_plane = ControlPlane::start_on(address, &cluster_file(&[(GATEWAY, &endpoints)])).await?;
    proxy.hosts_become(GATEWAY, &endpoints).await
}

async fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(LOOPBACK).await?.local_addr()?)
}

async fn sigterm_ends_the_control_plane_and_envoy_finds_the_next(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let mut bed = Bed::start(version, transport).await?;
    let ended = bed.control_plane.process().terminate(END)?;
    assert_eq!(ended.code(), Some(0), "{}", bed.control_plane.process().log());
    bed.proxy.connected_becomes(false).await?;
    bed.requests_pass().await?;
    bed.control_plane.restart().await?;
    bed.proxy.connected_becomes(true).await?;
    bed.follows_the_file().await?;
    bed.no_request_failed().await
}

/// A control plane with one endpoint, an Envoy that has it, and requests through this Envoy all the time.
struct Bed {
    control_plane: ControlPlane,
    proxy: Proxy,
    clients: RunningClients,
    counts: Arc<Counts>,
    /// The one that is served at first, and another.
    endpoints: [Endpoint; 2],
    backends: [Backend; 2],
}

impl Bed {
    async fn start(version: EnvoyVersion, transport: Transport) -> Result<Self> {
        let backends = [Backend::start()?, Backend::start()?];
        let endpoints = [0, 1].map(|number: usize| Endpoint::at(backends[number].address()));
        let control_plane = ControlPlane::start(&cluster_file(&[(GATEWAY, &endpoints[..1])])).await?;
        let proxy = Plan::new(version, transport).start(control_plane.xds()).await?;
        let clients = Steady { target: proxy.address, protocol: Protocol::Http1, connections: 8, rate: 25.0 }.start();
        let bed = Self { control_plane, proxy, counts: clients.counts(), clients, endpoints, backends };
        bed.requests_pass().await?;
        Ok(bed)
    }

    /// About a second of requests.
    async fn requests_pass(&self) -> Result<()> {
        let more = self.counts.snapshot().requests + 200;
        let requests = async || Ok(self.counts.snapshot().requests);
        wait::until("requests to pass", PATIENCE, requests, |seen| *seen >= more).await.map(drop)
    }

    /// The file gets both endpoints, Envoy too, and the second one gets requests.
    async fn follows_the_file(&self) -> Result<()> {
        self.control_plane.edit(&cluster_file(&[(GATEWAY, &self.endpoints)]))?;
        self.proxy.hosts_become(GATEWAY, &self.endpoints).await?;
        let served = async || Ok(self.backends[1].record().total());
        wait::until("the second endpoint to serve", PATIENCE, served, |total| *total > 0).await.map(drop)
    }

    /// The clients' connections stand, too.
    async fn no_request_failed(self) -> Result<()> {
        let counts = self.clients.stop().await?;
        ensure!(counts.failed == 0 && counts.closes == 0, "{counts:?}\n{}", self.proxy.envoy.log_tail());
        Ok(())
    }
}
