//! A module that traps again and again under load: traffic goes on, and the filter comes back and does its work.

use anyhow::{Result, bail};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::client::{Client, Kind, Load};
use evenkeel_tests::gateway::{Gateway, PATIENCE, Plan};
use evenkeel_tests::{EnvoyVersion, artifact, on_each_envoy};
use serde_json::json;

on_each_envoy! {
    traffic_goes_on_and_the_filter_comes_back,
}

const REQUESTS: u64 = 10_000;
const CALLERS: usize = 16;
/// So many loads may see no drain, each because of traps.
const LOADS: u32 = 100;
/// The main thread's VM and the worker's trap together; only the worker's is made again.
const TRAPS: u64 = 3;
const RELOADS: &str = "wasm.evenkeel.connection.vm_reload_success";

async fn traffic_goes_on_and_the_filter_comes_back(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    // Much shorter than the requests of one load take, on any machine.
    let plan = Plan::new(json!({"inbound": {"maxAge": "100ms"}})).module(artifact::trap_wasm()?);
    let gateway = plan.backend(&backend).start(version).await?;
    let (mut sent, mut failed) = (0, 0);
    while gateway.envoy.stat(RELOADS).await? < TRAPS {
        failed += get(&gateway).await?;
        sent += REQUESTS;
    }
    // A trap closes the worker's connections: what is in flight on them is all that it can cost.
    let traps = gateway.envoy.stat(RELOADS).await? + 1;
    assert!(failed <= traps * CALLERS as u64, "{failed} of {sent} requests failed with {traps} traps");
    the_filter_works(&gateway).await
}

async fn get(gateway: &Gateway) -> Result<u64> {
    Ok(Client::GoHttp1.run(&Load::new(gateway.address, Kind::Get, REQUESTS, CALLERS)).await?.failed)
}

async fn the_filter_works(gateway: &Gateway) -> Result<()> {
    let drains = gateway.stat("drains_age").await?;
    for _ in 0..LOADS {
        get(gateway).await?;
        if gateway.stat("drains_age").await? > drains {
            let accepted = "wasmcustom.evenkeel.connections_accepted";
            return gateway.envoy.stat_until(accepted, |count| count > 0, PATIENCE).await.map(drop);
        }
    }
    bail!("nobody was drained in {LOADS} loads");
}
