//! A module that fails or is not there leaves traffic alone.

use std::fs;

use anyhow::Result;
use evenkeel_tests::client::{Client, Kind, Load};
use evenkeel_tests::gateway::{PATIENCE, Plan};
use evenkeel_tests::{EnvoyVersion, artifact, on_each_envoy, wait};
use serde_json::json;

use super::bed::{Bed, reviews, served_by, served_in_turn};

on_each_envoy! {
    traffic_goes_on_while_the_module_traps_and_rotation_comes_back,
    a_module_that_cannot_be_loaded_leaves_traffic_alone_until_a_good_one_comes,
}

const REQUESTS: u64 = 10_000;
const CALLERS: usize = 16;
const TRAPS: u64 = 3;
const RELOADS: &str = "wasm.evenkeel.outbound.vm_reload_success";

async fn traffic_goes_on_while_the_module_traps_and_rotation_comes_back(version: EnvoyVersion) -> Result<()> {
    let settings = reviews(json!({"maxRequests": 100}));
    let plan = Plan::outbound_alone(settings).module(artifact::trap_wasm()?);
    let bed = Bed::start(version, plan, false).await?;
    let (mut sent, mut failed) = (0, 0);
    while bed.gateway.envoy.stat(RELOADS).await? < TRAPS {
        failed += get(&bed).await?;
        sent += REQUESTS;
    }
    // What is in flight when the module traps is all that it can cost.
    let traps = bed.gateway.envoy.stat(RELOADS).await? + 1;
    assert!(failed <= traps * CALLERS as u64, "{failed} of {sent} requests failed with {traps} traps");
    let rotated = bed.gateway.stat("keys_rotated").await?;
    get(&bed).await?;
    assert!(bed.gateway.stat("keys_rotated").await? > rotated);
    Ok(())
}

async fn get(bed: &Bed) -> Result<u64> {
    Ok(Client::GoHttp1.run(&Load::new(bed.gateway.address, Kind::Get, REQUESTS, CALLERS)).await?.failed)
}

async fn a_module_that_cannot_be_loaded_leaves_traffic_alone_until_a_good_one_comes(
    version: EnvoyVersion,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let broken = folder.path().join("broken.wasm");
    fs::write(&broken, "this is no WebAssembly")?;
    for bad in [broken, folder.path().join("missing.wasm")] {
        let plan = Plan::outbound_alone(reviews(json!({"maxRequests": 1}))).module(bad);
        let bed = Bed::start(version, plan, true).await?;
        let mut client = bed.client().await?;
        assert_eq!(served_in_turn(&mut client, "reviews", 10).await?, [0; 10]);
        bed.gateway.taken(|files| files.edit_module(&artifact::wasm()?)).await?;
        let serving = async || served_by(&mut client, "reviews").await;
        wait::until("the good module to rule", PATIENCE, serving, |now| *now > 1).await?;
    }
    Ok(())
}
