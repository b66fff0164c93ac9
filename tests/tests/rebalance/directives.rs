//! What a directive does: exactly the drains that it allows, and nothing that it does not.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use evenkeel_proto::rebalance::Directive;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::bootstrap::Cluster;
use evenkeel_tests::client::steady::{Protocol, Steady};
use evenkeel_tests::client::{Client, Kind, Load};
use evenkeel_tests::gateway::{CLUSTER, PATIENCE, Plan};
use evenkeel_tests::rebalance_server::{Answer, Received, directive};
use evenkeel_tests::{EnvoyVersion, on_each_envoy, wait};
use futures::future::try_join_all;
use serde_json::json;

use super::bed::{Bed, connect, connections_by_worker, rebalance, told_to_go};

on_each_envoy! {
    the_oldest_go_and_exactly_as_many_as_allowed,
    workers_drain_in_proportion_to_what_they_have,
    no_request_fails,
    repeated_late_and_foreign_directives_do_no_harm,
    a_wrong_directive_drains_no_faster_than_the_rate,
    overdue_connections_go_at_the_rate,
}

async fn the_oldest_go_and_exactly_as_many_as_allowed(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::new(rebalance(&json!({})))).await?;
    let mut connections = connect(bed.gateway.address, 20).await?;
    for (allowed, before) in [(5, 0), (12, 5)] {
        bed.server.allow(allowed);
        let report = bed.report_until("the drains", |report| report.drained == allowed).await?;
        assert_eq!((report.live, report.draining), (20 - allowed, allowed - before));
        let told = told_to_go(&mut connections).await?;
        let oldest = (allowed - before) as usize;
        assert_eq!(told, [vec![true; oldest], vec![false; connections.len() - oldest]].concat());
        connections.drain(..oldest);
        bed.report_until("what was drained to be gone", |report| report.draining == 0).await?;
    }
    assert_eq!(bed.gateway.stat("drains_rebalance").await?, 12);
    assert!(bed.gateway.stat("directives_obeyed").await? >= 2);
    Ok(())
}

async fn workers_drain_in_proportion_to_what_they_have(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::new(rebalance(&json!({}))).workers(4)).await?;
    let mut connections = connect(bed.gateway.address, 80).await?;
    bed.report_until("all connections", |report| report.live == 80).await?;
    let before = connections_by_worker(&bed.gateway).await?;
    bed.server.allow(40);
    bed.report_until("the drains", |report| report.drained == 40).await?;
    assert_eq!(told_to_go(&mut connections).await?.iter().filter(|told| **told).count(), 40);
    bed.report_until("what was drained to be gone", |report| (report.live, report.draining) == (40, 0)).await?;
    let after = connections_by_worker(&bed.gateway).await?;
    ensure!(before.len() == 4 && before.values().sum::<u64>() == 80, "{before:?}");
    for (worker, had) in before {
        let has = after[&worker];
        assert!(has == had / 2 || has == had.div_ceil(2), "{worker} had {had} and has {has}");
    }
    Ok(())
}

/// Persistent clients, and loads of clients of the ecosystem with their own defaults, while connections go all the time.
async fn no_request_fails(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let cluster = Cluster::new(CLUSTER, &[backend.address()]).http2();
    let plan = Plan::new(rebalance(&json!({}))).workers(4).cluster(cluster).drain_timeout(Duration::from_secs(1));
    let bed = Bed::start(version, plan).await?;
    let target = bed.gateway.address;
    let clients = Steady { target, protocol: Protocol::Http1, connections: 60, rate: 20.0 }.start();
    bed.report_until("all clients", |report| report.live == 60).await?;
    bed.server.answer_with(|report| Answer::Directive(directive(report, report.drained + report.live / 8)));
    let loads = [(Client::GoHttp1, Kind::PostOnce), (Client::GoHttp2, Kind::Get), (Client::GrpcGo, Kind::Unary)];
    let run = async |(client, kind): (Client, Kind)| client.run(&Load::new(target, kind, 3_000, 8)).await;
    for outcome in try_join_all(loads.map(run)).await? {
        assert_eq!(outcome.failed, 0, "{outcome:?}");
    }
    let report = bed.report_until("fifty drains", |report| report.drained >= 50).await?;
    let counts = clients.stop().await?;
    assert_eq!(counts.failed, 0, "{counts:?}");
    assert!(counts.closes >= 20, "{} of the persistent clients were told to go, {report:?}", counts.closes);
    Ok(())
}

async fn repeated_late_and_foreign_directives_do_no_harm(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::new(rebalance(&json!({}))).workers(2)).await?;
    let _connections = connect(bed.gateway.address, 50).await?;
    let mut first = None;
    let mut number = 0;
    bed.server.answer_with(move |report| {
        number += 1;
        let first = *first.get_or_insert_with(|| Directive { revision: 100, ..directive(report, 10) });
        Answer::Directive(match number % 4 {
            1 => first,
            2 => Directive { drains: 50, ..first },
            3 => Directive { revision: first.revision - 1, drains: 50, ..first },
            _ => Directive { instance: first.instance ^ 1, revision: 1_000, drains: 50, ..first },
        })
    });
    bed.report_until("a directive to be followed", |report| report.revision == 100 && report.drained == 10).await?;
    for received in bed.server.next(8, PATIENCE).await? {
        assert_eq!((received.report.drained, received.report.live, received.report.revision), (10, 40, 100));
    }
    assert_eq!(bed.gateway.stat("reports_failed").await?, 0);
    Ok(())
}

/// What a proxy may drain until a moment: the rate, and what its bucket holds.
fn most(live: f64, rate: f64, since: Instant, until: &Received) -> f64 {
    live * rate * (until.at.duration_since(since).as_secs_f64() + 0.25) + 1.0
}

async fn a_wrong_directive_drains_no_faster_than_the_rate(version: EnvoyVersion) -> Result<()> {
    let (live, rate) = (200, 0.1);
    let bed = Bed::start(version, Plan::new(rebalance(&json!({"maxRate": rate}))).workers(4)).await?;
    let _connections = connect(bed.gateway.address, live).await?;
    bed.report_until("all connections", |report| report.live == live as u64).await?;
    let since = Instant::now();
    bed.server.allow(1_000_000_000);
    let reports = bed.server.next(10, PATIENCE).await?;
    for received in &reports {
        let most = most(live as f64, rate, since, received);
        assert!(received.report.drained as f64 <= most, "more than {most}: {received:?}");
    }
    // It is a limit, not a stop: 5 s at 10 % of what is left are 78; a busy machine may take some of them.
    assert!(reports[9].report.drained > 30, "{:?}", reports[9]);
    Ok(())
}

/// A cap that is lowered under live connections makes no wave.
async fn overdue_connections_go_at_the_rate(version: EnvoyVersion) -> Result<()> {
    let (live, rate) = (100, 0.2);
    let mut settings = rebalance(&json!({"maxRate": rate}));
    settings["inbound"] = json!({"maxAge": "1h"});
    let bed = Bed::start(version, Plan::new(settings.clone()).workers(2)).await?;
    let _connections = connect(bed.gateway.address, live).await?;
    bed.report_until("all connections", |report| report.live == live as u64).await?;
    settings["inbound"] = json!({"maxAge": "100ms"});
    let since = Instant::now();
    bed.gateway.edit(&settings).await?;
    for received in bed.server.next(6, PATIENCE).await? {
        let draining = received.report.draining as f64;
        assert!(draining <= most(live as f64, rate, since, &received), "{received:?}");
        assert_eq!(received.report.drained, 0, "no directive allowed it");
    }
    let drains = async || bed.gateway.stat("drains_age").await;
    wait::until("some to go", PATIENCE, drains, |drains| *drains >= 50).await?;
    Ok(())
}
