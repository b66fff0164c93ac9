//! Connections that cannot be evened out by closing them: that is noticed soon, said, and left alone.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel::rebalance::State;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::client::endless_streams::EndlessStreams;
use evenkeel_tests::client::steady::{Protocol, Steady};
use evenkeel_tests::gateways::{Balancer, Clients, Traffic};
use serde_json::json;

use super::run::{QUIET, Run, clients, plan};

/// They all come back to where they were.
#[tokio::test]
async fn clients_of_one_address_behind_a_source_hash_are_left_where_they_are() -> Result<()> {
    let plan = plan(EnvoyVersion::NEWEST, 3).behind(Balancer::SourceHash).paused();
    let run = Run::start(&plan, clients(120)).await?;
    let before = run.closes().await?;
    ensure!(run.bed.stats().await?.iter().filter(|gateway| gateway.connections > 0).count() == 1);
    run.bed.policy(&json!({"settle": "1s"}))?;
    let group = run.comes_to_rest(State::Stuck).await?;
    ensure!(group.reason.contains("the balancer may choose by the client's address"), "{group:?}");
    run.nothing_is_closed_for(QUIET).await?;
    let closes = run.closes_per_connection(before).await?;
    ensure!(closes < 0.35, "{closes} closes per connection");
    run.end().await
}

/// To move it would make another one as uneven.
#[tokio::test]
async fn a_client_with_most_of_the_requests_is_not_sent_round() -> Result<()> {
    let plan = plan(EnvoyVersion::NEWEST, 2).by_requests();
    let light = Clients { h1: 40, ..Clients::default() };
    let mut run = Run::start_with(&plan, light, Duration::from_secs(1)).await?;
    let target = run.bed.address().await?;
    let heavy = Steady { target, protocol: Protocol::Http1, connections: 1, rate: 160.0 }.start();
    run.hears_of(light.total() + 1).await?;
    let before = run.closes().await?;
    run.scale_out(1).await?;
    let group = run.comes_to_rest(State::Stuck).await?;
    ensure!(group.reason.contains("too heavy to move"), "{group:?}");
    // Those beside it can go, and do until that is clear.
    let closes = run.closes_per_connection(before).await?;
    ensure!(closes < 0.8, "{closes} closes per connection");
    run.nothing_is_closed_for(QUIET).await?;
    let heavy = heavy.stop().await?;
    ensure!(heavy.closes == 0 && heavy.failed == 0, "{heavy:?}");
    run.end().await
}

#[tokio::test]
async fn endless_streams_are_not_ended() -> Result<()> {
    let mut run = Run::start(&plan(EnvoyVersion::NEWEST, 2), Clients::default()).await?;
    let target = run.bed.address().await?;
    let mut streams = EndlessStreams::open(target, 45).await?;
    run.hears_of(45).await?;
    run.scale_out(1).await?;
    let group = run.comes_to_rest(State::Stuck).await?;
    ensure!(group.reason.contains("streams may not end"), "{group:?}");
    run.traffic = Traffic::start(target, clients(20), Duration::from_millis(100));
    run.requests_pass().await?;
    streams.still_run().await?;
    ensure!(run.closes().await? == 0, "{:?}", run.bed.stats().await?);
    run.end().await
}
