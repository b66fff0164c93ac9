//! Caps, on a gateway and on a sidecar.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::{EnvoyVersion, wait};
use tokio::time::sleep;

use super::mesh::Mesh;
use super::place::{Place, on_each_place};
use super::traffic::{CLIENTS, serving, under_load};

const PATIENCE: Duration = Duration::from_secs(20);

/// The whole life of a policy, as a client sees it.
async fn a_cap_reaches_live_connections_drains_them_and_goes_without_a_trace(place: Place) -> Result<()> {
    let mesh = Mesh::start(place, EnvoyVersion::NEWEST).await?;
    let mut before = serving(place).await?;
    mesh.apply_policy("inbound: {maxAge: 1h}").await?;
    // To add a filter drains each connection of its chain, once.
    last_answer(&mut before).await?;
    let mut live = serving(place).await?;
    mesh.apply_policy("inbound: {maxAge: 2h}").await?;
    stays(&mut live).await?;
    let drains = mesh.drains("age").await;
    mesh.apply_policy("inbound: {maxAge: 1s}").await?;
    last_answer(&mut live).await?;
    ensure!(mesh.drains("age").await > drains, "somebody else has drained it");
    mesh.remove_policy().await?;
    let filtered = async || mesh.has_filter().await;
    wait::until("the filter to be gone", PATIENCE, filtered, |filtered| !filtered).await?;
    stays(&mut serving(place).await?).await?;
    ensure!(mesh.istiod.refusals().is_empty(), "{:?}", mesh.istiod.refusals());
    Ok(())
}

/// Connections of a few requests each, while the policy comes, changes and goes.
async fn no_request_fails_while_a_policy_comes_changes_and_goes(place: Place) -> Result<()> {
    let mesh = Mesh::start(place, EnvoyVersion::V1_37).await?;
    serving(place).await?;
    let edits = async {
        for sections in ["inbound: {maxAge: 1s}", "inbound: {maxAge: 200ms}", "inbound: {maxRequests: 10}"] {
            mesh.apply_policy(sections).await?;
            sleep(Duration::from_millis(1250)).await;
        }
        // That filters come and go drains connections too: these counters are the caps' own.
        let drains = (mesh.drains("age").await, mesh.drains("requests").await);
        mesh.remove_policy().await?;
        sleep(Duration::from_millis(1250)).await;
        Ok(drains)
    };
    let (connections, (by_age, by_requests)) = under_load(place, edits).await?;
    // Each client meets the cap of 200 ms and that of ten requests several times.
    let each_twice = 2 * CLIENTS as u64;
    ensure!(by_age > each_twice && by_requests > each_twice, "{by_age} by age, {by_requests} by requests");
    ensure!(connections as u64 > by_age + by_requests, "{connections} connections, {by_age} + {by_requests} drained");
    Ok(())
}

/// Neither on a proxy that serves, nor on one that has never had a module.
async fn a_module_that_is_missing_leaves_traffic_alone(place: Place) -> Result<()> {
    let mesh = Mesh::start(place, EnvoyVersion::NEWEST).await?;
    let mut before = serving(place).await?;
    mesh.apply_with("inbound: {maxAge: 1s, maxRequests: 1}", Path::new("/missing.wasm")).await?;
    last_answer(&mut before).await?;
    stays(&mut serving(place).await?).await?;
    let mesh = mesh.replace_proxy().await?;
    let mut fresh = serving(place).await?;
    ensure!(mesh.has_filter().await?, "the policy has not come");
    stays(&mut fresh).await
}

/// Goes on until the proxy says that it was the last answer. Every one is served.
pub async fn last_answer(connection: &mut RawHttp1) -> Result<()> {
    let get = async || {
        let answer = connection.get("/", &[]).await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(answer.closes_connection())
    };
    wait::until("the last answer", PATIENCE, get, |last| *last).await.map(drop)
}

/// No cap ends it.
pub async fn stays(connection: &mut RawHttp1) -> Result<()> {
    for _ in 0..3 {
        sleep(Duration::from_secs(1)).await;
        let answer = connection.get("/", &[]).await?;
        ensure!(answer.status == 200 && !answer.closes_connection(), "{answer:?}");
    }
    Ok(())
}

on_each_place! {
    a_cap_reaches_live_connections_drains_them_and_goes_without_a_trace,
    no_request_fails_while_a_policy_comes_changes_and_goes,
    a_module_that_is_missing_leaves_traffic_alone,
}
