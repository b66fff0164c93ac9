//! Nobody answers: traffic goes on, caps stay in force, nothing is drained to even out the group, and the log has one line
//! when it begins and one when it ends.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::gateway::{Gateway, PATIENCE, Plan};
use evenkeel_tests::rebalance_server::{Answer, RebalanceServer, directive};
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use serde_json::json;
use tonic::Status;

use super::bed::{Bed, connect, rebalance, told_to_go};

on_each_envoy! {
    a_server_that_comes_late_is_found,
    a_server_that_is_killed_is_missed_once_and_found_again,
    silence_is_a_failure_too,
    a_refusal_takes_back_what_was_allowed,
    a_cluster_that_does_not_exist_is_told,
    caps_stay_in_force,
}

const FAILS: &str = "are not answered (";
const WORKS: &str = "are answered again";

/// Waits until so many reports have failed, and looks for the one line that tells of it.
async fn fails(gateway: &Gateway, reports: u64, why: &str) -> Result<()> {
    let enough = |failed| failed >= reports;
    gateway.envoy.stat_until("wasmcustom.evenkeel.reports_failed", enough, PATIENCE).await?;
    let line = format!("{FAILS}{why}");
    gateway.envoy.log_until(&line, PATIENCE).await?;
    assert_eq!(lines(gateway, FAILS), 1, "{}", gateway.envoy.log_tail());
    Ok(())
}

async fn works_again(gateway: &Gateway) -> Result<()> {
    gateway.envoy.log_until(WORKS, PATIENCE).await?;
    assert_eq!((lines(gateway, FAILS), lines(gateway, WORKS)), (1, 1), "{}", gateway.envoy.log_tail());
    Ok(())
}

fn lines(gateway: &Gateway, what: &str) -> usize {
    gateway.envoy.log().lines().filter(|line| line.contains(what)).count()
}

/// An address where nobody listens.
fn nobody() -> Result<SocketAddr> {
    Ok(RebalanceServer::start()?.address())
}

fn plan() -> Plan {
    Plan::new(rebalance(&json!({}))).workers(2)
}

async fn a_server_that_comes_late_is_found(version: EnvoyVersion) -> Result<()> {
    let address = nobody()?;
    let gateway = plan().control_plane(address).start(version).await?;
    let mut connections = connect(gateway.address, 10).await?;
    fails(&gateway, 3, "UNAVAILABLE").await?;
    assert_eq!(told_to_go(&mut connections).await?, [false; 10]);
    let server = RebalanceServer::start_on(address)?;
    server.report_until("all connections", PATIENCE, |report| report.live == 10).await?;
    works_again(&gateway).await
}

async fn a_server_that_is_killed_is_missed_once_and_found_again(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, plan()).await?;
    let mut connections = connect(bed.gateway.address, 40).await?;
    bed.server.allow(10);
    let before = bed.report_until("the drains", |report| report.drained == 10).await?;
    assert_eq!(told_to_go(&mut connections).await?.iter().filter(|told| **told).count(), 10);
    let Bed { gateway, server } = bed;
    let address = server.address();
    drop(server);
    fails(&gateway, 2, "UNAVAILABLE").await?;
    let server = RebalanceServer::start_on(address)?;
    server.allow(12);
    let after = server.report_until("two more", PATIENCE, |report| report.drained == 12).await?;
    assert_eq!((after.instance, after.accepted), (before.instance, 40));
    works_again(&gateway).await
}

async fn silence_is_a_failure_too(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, plan()).await?;
    let mut connections = connect(bed.gateway.address, 10).await?;
    bed.report_until("all connections", |report| report.live == 10).await?;
    bed.server.answer_with(|_| Answer::Silence);
    // Either Envoy gives up first, or the server does, which sees the call's deadline.
    fails(&bed.gateway, 2, "").await?;
    assert_eq!(told_to_go(&mut connections).await?, [false; 10]);
    bed.server.allow(3);
    bed.report_until("three drains", |report| report.drained == 3).await?;
    works_again(&bed.gateway).await
}

/// As of a replica that does not lead any more: what it allowed and was not done yet is not done.
async fn a_refusal_takes_back_what_was_allowed(version: EnvoyVersion) -> Result<()> {
    let rate = 0.05;
    let bed = Bed::start(version, Plan::new(rebalance(&json!({"maxRate": rate}))).workers(2)).await?;
    let _connections = connect(bed.gateway.address, 100).await?;
    bed.report_until("all connections", |report| report.live == 100).await?;
    bed.server.allow(100);
    bed.report_until("some drains", |report| report.drained > 0).await?;
    bed.server.answer_with(|_| Answer::Refusal(Status::unavailable("this replica does not lead")));
    fails(&bed.gateway, 2, "UNAVAILABLE: this replica does not lead").await?;
    let drained = bed.server.next(1, PATIENCE).await?[0].report.drained;
    let later = bed.server.next(1, PATIENCE).await?[0].report.drained;
    assert!(drained == later && drained < 100, "{drained}, then {later}");
    bed.server.answer_with(|report| Answer::Directive(directive(report, report.drained)));
    works_again(&bed.gateway).await
}

async fn a_cluster_that_does_not_exist_is_told(version: EnvoyVersion) -> Result<()> {
    let gateway = plan().start(version).await?;
    let mut connections = connect(gateway.address, 10).await?;
    fails(&gateway, 2, "").await?;
    assert_eq!(told_to_go(&mut connections).await?, [false; 10]);
    Ok(())
}

async fn caps_stay_in_force(version: EnvoyVersion) -> Result<()> {
    let mut settings = rebalance(&json!({}));
    settings["inbound"] = json!({"maxAge": "1s"});
    let plan = Plan::new(settings).workers(2).drain_timeout(Duration::from_secs(1));
    let gateway = plan.control_plane(nobody()?).start(version).await?;
    let mut connections = connect(gateway.address, 10).await?;
    gateway.stat_becomes("drains_age", 10).await?;
    assert_eq!(told_to_go(&mut connections).await?, [true; 10]);
    Ok(())
}
