//! VMs that trap, the one that reports among them: another one goes on for the same instance.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::gateway::Plan;
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::rebalance_server::Received;
use evenkeel_tests::{EnvoyVersion, artifact, on_each_envoy, wait};
use serde_json::json;

use super::bed::{Bed, rebalance};

on_each_envoy! {
    a_leader_that_is_lost_is_replaced,
}

/// The same worker may well win again several times in a row.
const PATIENCE: Duration = Duration::from_mins(1);

/// Each VM traps 2 s after its start, and is made again when a connection comes in for its worker.
async fn a_leader_that_is_lost_is_replaced(version: EnvoyVersion) -> Result<()> {
    let plan = Plan::new(rebalance(&json!({}))).module(artifact::trap_wasm()?).workers(4);
    let bed = Bed::start(version, plan).await?;
    let reports = async || Ok(bed.server.received());
    let received = tokio::select! {
        received = wait::until("reports of another worker", PATIENCE, reports, |seen| leaders(seen) > 1) => received?,
        never = visit(bed.gateway.address) => match never {},
    };
    for pair in received.windows(2) {
        let (before, after) = (&pair[0].report, &pair[1].report);
        assert!(after.instance == before.instance && after.sequence > before.sequence, "{received:#?}");
        assert!(after.accepted >= before.accepted, "a counter went back: {received:#?}");
        let gap = pair[1].at.duration_since(pair[0].at);
        assert!(gap < Duration::from_secs(10), "{gap:?} without a report: {received:#?}");
    }
    Ok(())
}

/// Envoy's workers have a connection each to the control plane.
fn leaders(received: &[Received]) -> usize {
    received.iter().map(|received| received.from).collect::<BTreeSet<_>>().len()
}

/// One connection after the other. A trap closes connections: some of these may be among them.
async fn visit(address: SocketAddr) -> Infallible {
    loop {
        if let Ok(mut connection) = RawHttp1::connect(address).await {
            let _ = connection.get("/direct", &[]).await;
        }
    }
}
