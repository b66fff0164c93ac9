//! The control plane dies, stands still for a moment, starts late or stops, and nobody who sends requests notices.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::envoy::LOOPBACK;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio::try_join;

use super::cluster_file::{Endpoint, cluster_file};
use super::metric::{REQUESTS, responses};
use super::proxy::{GATEWAY, PATIENCE, Plan};
use super::traffic::Bed;
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
    bed.keeps_its_hosts().await?;
    bed.control_plane.restart().await?;
    // By delta Envoy says which version it still has, and nothing is sent again. Otherwise it has something to accept.
    let (requests, answers) = if transport.is_delta() { (1.0, 0) } else { (2.0, 1) };
    bed.control_plane.metric_becomes(REQUESTS, requests, PATIENCE).await?;
    assert_eq!(responses(&bed.control_plane).await?, answers);
    bed.requests_pass().await?;
    bed.follows_the_file().await?;
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
    bed.keeps_its_hosts().await?;
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
