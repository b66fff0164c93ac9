//! The agent fetches the filter from the control plane.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::envoy::Envoy;
use evenkeel_tests::{network, wait};
use serde_json::Value;
use tokio::time::sleep;

use super::bed::{Bed, PATIENCE};
use super::gateway;

/// Where the agent keeps what it has fetched.
const FETCHED: &str = "/var/lib/istio/data/";

#[test]
fn the_filter_comes_from_the_control_plane_and_works() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let gateway = bed.gateway("gateway").await?;
        let _control_plane = bed.control_plane(&[]).await?;
        bed.apply_policy("inbound: {maxAge: 1s, maxRequests: 1000}").await?;
        for root in ["evenkeel.connection", "evenkeel.request"] {
            module_becomes(&gateway, root, |module| module.starts_with(FETCHED)).await?;
        }
        let drains = async || {
            let mut connection = gateway::connect().await?;
            sleep(Duration::from_millis(1_500)).await;
            let answer = connection.get("/", &[]).await?;
            ensure!(answer.status == 200 && answer.closes_connection(), "{answer:?}");
            gateway.stat("wasmcustom.evenkeel.drains_age").await
        };
        wait::until("a drain by age", PATIENCE, drains, |drains| *drains > 0).await?;
        ensure!(bed.istiod.refusals().is_empty(), "{:?}", bed.istiod.refusals());
        Ok(())
    })
}

#[test]
fn a_filter_that_cannot_be_fetched_leaves_traffic_alone() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let gateway = bed.gateway("gateway").await?;
        let _control_plane = bed.control_plane(&["--filter-port=9"]).await?;
        bed.apply_policy("inbound: {maxAge: 1s, maxRequests: 1000}").await?;
        gateway.log_until("applying allow RBAC filter", PATIENCE).await?;
        // That the filters came drains what was there, once.
        wait::until("a connection that stays", PATIENCE, async || a_connection_stays().await, |()| true).await
    })
}

/// No cap ends it.
async fn a_connection_stays() -> Result<()> {
    let mut connection = gateway::connect().await?;
    for _ in 0..3 {
        sleep(Duration::from_secs(1)).await;
        gateway::stays(&mut connection).await?;
    }
    Ok(())
}

/// Waits until the file of the module that this root runs is as expected.
async fn module_becomes(gateway: &Envoy, root: &str, accepts: impl Fn(&str) -> bool) -> Result<()> {
    let module = async || {
        let dump: Value = serde_json::from_str(&gateway.admin("/config_dump").await?)?;
        let sections = dump["configs"].as_array().into_iter().flatten();
        let filters = sections.filter_map(|section| section["ecds_filters"].as_array()).flatten();
        let mut filters = filters.map(|filter| &filter["ecds_filter"]).filter(|filter| filter["name"] == root);
        let path = "/typed_config/config/vm_config/code/local/filename";
        Ok(filters.find_map(|filter| filter.pointer(path)?.as_str().map(str::to_owned)).unwrap_or_default())
    };
    wait::until(&format!("the module of {root}"), PATIENCE, module, |module| accepts(module)).await.map(drop)
}
