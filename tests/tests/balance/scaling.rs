//! Gateways are added and taken away.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel::rebalance::State;
use evenkeel_tests::EnvoyVersion;

use super::run::{Run, clients, plan};

/// The usual step of an autoscaler. Behind a blind balancer it takes half a close per connection on average, and with so few
/// connections, which land by chance, up to one.
#[tokio::test]
async fn one_pod_added_to_seven_gets_its_share() -> Result<()> {
    let mut run = Run::start(&plan(EnvoyVersion::NEWEST, 7), clients(160)).await?;
    let before = run.closes().await?;
    run.scale_out(1).await?;
    run.becomes_even().await?;
    let closes = run.closes_per_connection(before).await?;
    ensure!(closes < 1.25, "{closes} closes per connection");
    run.nothing_is_closed().await?;
    run.end().await
}

/// Nobody is far above the share then, and the one that is nearly empty must not be overlooked.
#[tokio::test]
async fn one_pod_added_to_twenty_does_not_stay_empty() -> Result<()> {
    let plan = plan(EnvoyVersion::NEWEST, 20);
    let mut run = Run::start_with(&plan, clients(200), Duration::from_secs(1)).await?;
    let before = run.closes().await?;
    run.scale_out(1).await?;
    // With ten connections per gateway the first twenty, spread by chance, are uneven themselves.
    run.ends_even(before, 1.6).await
}

#[tokio::test]
async fn a_pod_added_in_the_middle_of_a_rebalance_settles_once_and_gets_its_share() -> Result<()> {
    let mut run = Run::start(&plan(EnvoyVersion::NEWEST, 3), clients(120)).await?;
    let (before, drained) = (run.closes().await?, run.drains().await?);
    let mut first = run.bed.more_gateways(2).await?;
    let second = first.split_off(1);
    run.bed.add(first).await?;
    run.is_moving(5, drained).await?;
    run.bed.add(second).await?;
    run.becomes(State::Settling).await?;
    run.ends_even(before, 1.6).await
}

/// Whoever is left has everything soon, and to close connections would be in vain.
#[tokio::test]
async fn nothing_is_closed_when_one_pod_is_left() -> Result<()> {
    let mut run = Run::start(&plan(EnvoyVersion::NEWEST, 3), clients(60)).await?;
    let terminating = run.bed.remove(2).await?;
    run.nothing_is_closed().await?;
    let group = run.becomes(State::Balanced).await?;
    ensure!(group.members.len() == 1, "{group:?}");
    for gateway in &terminating {
        ensure!(gateway.stats().await?.closes == 0, "a terminating gateway has closed connections");
    }
    run.end().await
}
