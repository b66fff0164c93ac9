//! Policies for a gateway.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::{EnvoyVersion, network, wait};
use tokio::time::sleep;

use super::mesh::{GATEWAY, Mesh};

const PATIENCE: Duration = Duration::from_secs(20);

/// The whole life of a policy, as one client with two connections sees it.
#[test]
fn a_cap_reaches_live_connections_drains_them_and_goes_without_a_trace() -> Result<()> {
    network::isolated(|| async {
        let mesh = Mesh::start(EnvoyVersion::NEWEST).await?;
        let mut before = serving().await?;
        mesh.apply_policy("inbound: {maxAge: 1h}").await?;
        // To add a filter drains each connection of its chain, once.
        last_answer(&mut before).await?;
        let mut live = serving().await?;
        let drains = mesh.drains_by_age().await;
        mesh.apply_policy("inbound: {maxAge: 1s}").await?;
        last_answer(&mut live).await?;
        ensure!(mesh.drains_by_age().await > drains, "somebody else has drained it");
        mesh.remove_policy().await?;
        let filtered = async || mesh.has_filter().await;
        wait::until("the filter to be gone", PATIENCE, filtered, |filtered| !filtered).await?;
        stays(&mut serving().await?).await?;
        ensure!(mesh.istiod.refusals().is_empty(), "{:?}", mesh.istiod.refusals());
        Ok(())
    })
}

/// Neither on a gateway that serves, nor on one that has never had a module.
#[test]
fn a_module_that_is_missing_leaves_traffic_alone() -> Result<()> {
    network::isolated(|| async {
        let mesh = Mesh::start(EnvoyVersion::NEWEST).await?;
        let mut before = serving().await?;
        mesh.apply_with("inbound: {maxAge: 1s, maxRequests: 1}", Path::new("/missing.wasm")).await?;
        last_answer(&mut before).await?;
        stays(&mut serving().await?).await?;
        let mesh = mesh.replace_gateway().await?;
        let mut fresh = serving().await?;
        ensure!(mesh.has_filter().await?, "the policy has not come");
        stays(&mut fresh).await
    })
}

/// A new connection that has been served.
async fn serving() -> Result<RawHttp1> {
    let connect = async || {
        let mut connection = RawHttp1::connect(GATEWAY).await?;
        let answer = connection.get("/", &[]).await?;
        ensure!(answer.status == 200 && !answer.closes_connection(), "{answer:?}");
        Ok(connection)
    };
    wait::until("the gateway to serve", PATIENCE, connect, |_| true).await
}

/// Goes on until the gateway says that it was the last answer. Every one is served.
async fn last_answer(connection: &mut RawHttp1) -> Result<()> {
    let get = async || {
        let answer = connection.get("/", &[]).await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(answer.closes_connection())
    };
    wait::until("the last answer", PATIENCE, get, |last| *last).await.map(drop)
}

/// No cap ends it.
async fn stays(connection: &mut RawHttp1) -> Result<()> {
    for _ in 0..3 {
        sleep(Duration::from_secs(1)).await;
        let answer = connection.get("/", &[]).await?;
        ensure!(answer.status == 200 && !answer.closes_connection(), "{answer:?}");
    }
    Ok(())
}
