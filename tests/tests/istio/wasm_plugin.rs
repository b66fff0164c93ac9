//! Caps by a `WasmPlugin`, on a gateway and on a sidecar.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel::check;
use evenkeel_tests::{EnvoyVersion, wait};
use tokio::time::sleep;

use super::caps::{last_answer, stays};
use super::mesh::Mesh;
use super::place::{Place, on_each_place};
use super::traffic::{CLIENTS, serving, under_load};

const PATIENCE: Duration = Duration::from_secs(20);
/// With this the names of what it adds begin.
const FILTER: &str = "extensions.istio.io/";

/// Its whole life, as clients see it. Each edit makes new VMs here, as the module is a file: what is open keeps what it had.
async fn caps_hold_for_what_is_opened_under_them_and_go_without_a_trace(place: Place) -> Result<()> {
    let mesh = Mesh::start(place, EnvoyVersion::NEWEST).await?;
    let mut before = serving(place).await?;
    mesh.apply_wasm_plugin("inbound: {maxAge: 1h}").await?;
    // To add a filter drains each connection of its chain, once.
    last_answer(&mut before).await?;
    let (mut live, drains) = (serving(place).await?, mesh.drains("age").await);
    mesh.apply_wasm_plugin("inbound: {maxAge: 1s}").await?;
    wait::until("the new cap", PATIENCE, async || is_capped(place).await, |capped| *capped).await?;
    ensure!(mesh.drains("age").await > drains, "somebody else has drained it");
    stays(&mut live).await?;
    has_no_fault(&mesh).await?;
    mesh.remove_policy().await?;
    let filtered = async || mesh.has(FILTER).await;
    wait::until("the filter to be gone", PATIENCE, filtered, |filtered| !filtered).await?;
    last_answer(&mut live).await?;
    stays(&mut serving(place).await?).await?;
    ensure!(mesh.istiod.refusals().is_empty(), "{:?}", mesh.istiod.refusals());
    Ok(())
}

/// Whether a new connection is told to go within two seconds.
async fn is_capped(place: Place) -> Result<bool> {
    let mut connection = serving(place).await?;
    sleep(Duration::from_secs(2)).await;
    Ok(connection.get("/", &[]).await?.closes_connection())
}

/// `evenkeel check` does not miss the filters that are not needed here.
async fn has_no_fault(mesh: &Mesh) -> Result<()> {
    ensure!(mesh.has(FILTER).await?, "it is not there");
    let (dump, stats) = (mesh.proxy.admin("/config_dump").await?, mesh.proxy.admin("/stats").await?);
    let found = check::check(&check::Envoy::parse(&dump, None, Some(&stats))?);
    ensure!(found.is_empty(), "{found:#?}");
    Ok(())
}

/// Connections of a few requests each, while it comes, changes and goes.
async fn no_request_fails_while_it_comes_changes_and_goes(place: Place) -> Result<()> {
    let mesh = Mesh::start(place, EnvoyVersion::V1_37).await?;
    serving(place).await?;
    let edits = async {
        for sections in ["inbound: {maxAge: 1s}", "inbound: {maxAge: 200ms}", "inbound: {maxRequests: 10}"] {
            mesh.apply_wasm_plugin(sections).await?;
            sleep(Duration::from_millis(1500)).await;
        }
        // That filters come and go drains connections too: these counters are the caps' own.
        let drains = (mesh.drains("age").await, mesh.drains("requests").await);
        mesh.remove_policy().await?;
        sleep(Duration::from_millis(1250)).await;
        Ok(drains)
    };
    let (connections, (by_age, by_requests)) = under_load(place, edits).await?;
    let each = CLIENTS as u64;
    ensure!(by_age > each && by_requests > each, "{by_age} by age, {by_requests} by requests");
    ensure!(connections as u64 > by_age + by_requests, "{connections} connections, {by_age} + {by_requests} drained");
    Ok(())
}

on_each_place! {
    caps_hold_for_what_is_opened_under_them_and_go_without_a_trace,
    no_request_fails_while_it_comes_changes_and_goes,
}
