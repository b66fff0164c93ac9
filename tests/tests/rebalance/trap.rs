//! VMs that trap, the one that reports among them: another one goes on for the same instance.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::gateway::Plan;
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::{EnvoyVersion, artifact, on_each_envoy};
use serde_json::json;

use super::bed::{Bed, rebalance};

on_each_envoy! {
    a_leader_that_is_lost_is_replaced,
}

const RELOADS: &str = "wasm.evenkeel.connection.vm_reload_success";
const LEAST_RELOADS: u64 = 4;

/// Each VM traps 2 s after its start, and is made again when a connection comes in for its worker.
async fn a_leader_that_is_lost_is_replaced(version: EnvoyVersion) -> Result<()> {
    let plan = Plan::new(rebalance(&json!({}))).module(artifact::trap_wasm()?).workers(4);
    let bed = Bed::start(version, plan).await?;
    while bed.gateway.envoy.stat(RELOADS).await? < LEAST_RELOADS {
        // A trap closes connections: this one may be among them.
        if let Ok(mut connection) = RawHttp1::connect(bed.gateway.address).await {
            let _ = connection.get("/direct", &[]).await;
        }
    }
    bed.server.next(3, Duration::from_secs(20)).await?;
    let received = bed.server.received();
    let leaders: BTreeSet<_> = received.iter().map(|received| received.from).collect();
    assert!(leaders.len() > 1, "nobody was replaced: {received:#?}");
    for pair in received.windows(2) {
        let (before, after) = (&pair[0].report, &pair[1].report);
        assert!(after.instance == before.instance && after.sequence > before.sequence, "{received:#?}");
        assert!(after.accepted >= before.accepted, "a counter went back: {received:#?}");
        let gap = pair[1].at.duration_since(pair[0].at);
        assert!(gap < Duration::from_secs(10), "{gap:?} without a report: {received:#?}");
    }
    Ok(())
}
