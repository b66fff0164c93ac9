//! What is reported, and how often.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_proto::rebalance::{Directive, ReportRequest, Signal};
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, Evenkeel, HttpListener};
use evenkeel_tests::envoy::Start;
use evenkeel_tests::gateway::{CONTROL_PLANE, PATIENCE, Plan};
use evenkeel_tests::rebalance_server::{Answer, RebalanceServer, Received, directive};
use evenkeel_tests::{EnvoyVersion, artifact, on_each_envoy};
use serde_json::json;

use super::bed::{Bed, GROUP, INTERVAL, connect, rebalance};

on_each_envoy! {
    there_is_one_report_per_interval_whatever_the_number_of_workers,
    a_report_says_what_envoy_counts,
    a_report_says_who_reports,
    a_directive_sets_the_interval,
    listeners_with_the_same_plugin_report_together,
}

async fn there_is_one_report_per_interval_whatever_the_number_of_workers(version: EnvoyVersion) -> Result<()> {
    for workers in [1, 4] {
        let bed = Bed::start(version, Plan::new(rebalance(&json!({}))).workers(workers)).await?;
        let reports = bed.server.next(12, PATIENCE).await?;
        once_per_interval(&reports, INTERVAL);
        let connections: BTreeSet<_> = reports.iter().map(|received| received.from).collect();
        assert_eq!(connections.len(), 1, "one VM reports, over one connection");
        assert!(bed.gateway.stat("reports_sent").await? >= 11);
        assert_eq!(bed.gateway.stat("reports_failed").await?, 0);
    }
    Ok(())
}

/// No report is missing, doubled or from another instance, and they come no faster than they should. (A busy machine may
/// let them come late.)
fn once_per_interval(reports: &[Received], interval: Duration) {
    let first = &reports[0];
    for (number, received) in reports.iter().enumerate() {
        assert_eq!(received.report.sequence, first.report.sequence + number as u64);
        assert_eq!(received.report.instance, first.report.instance);
    }
    // Half an interval for a first one that came late.
    let shortest = interval.mul_f64(reports.len() as f64 - 1.5);
    assert!(reports[reports.len() - 1].at.duration_since(first.at) >= shortest, "{reports:#?}");
}

async fn a_report_says_what_envoy_counts(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::new(rebalance(&json!({}))).with_request().workers(4)).await?;
    let mut connections = connect(bed.gateway.address, 40).await?;
    connections.truncate(25);
    let report = bed.report_until("25 of 40 connections", |report| (report.live, report.accepted) == (25, 40)).await?;
    assert_eq!((report.draining, report.drained, report.requests), (0, 0, 40));
    let envoy = &bed.gateway.envoy;
    assert_eq!(envoy.stat("http.gateway.downstream_cx_active").await?, report.live);
    assert_eq!(envoy.stat("http.gateway.downstream_cx_total").await?, report.accepted);
    assert_eq!(envoy.stat("http.gateway.downstream_rq_total").await?, report.requests);
    Ok(())
}

async fn a_report_says_who_reports(version: EnvoyVersion) -> Result<()> {
    let metadata = json!({"INSTANCE_IPS": "10.244.1.7,fd00:10:244:1::7"});
    let plan = Plan::new(rebalance(&json!({"maxRate": 0.3}))).node_metadata(metadata);
    let report = Bed::start(version, plan).await?.report_until("any report", |_| true).await?;
    assert_eq!((report.group.as_str(), report.node.as_str()), (GROUP, "gateway"));
    assert_eq!(report.addresses, ["10.244.1.7", "fd00:10:244:1::7"]);
    assert_eq!((report.signal(), report.revision), (Signal::Connections, report.sequence - 1));
    assert_eq!(interval(&report)?, INTERVAL);
    assert!((report.max_rate - 0.3).abs() < 1e-9 && report.instance != 0);
    let without = Bed::start(version, Plan::new(rebalance(&json!({})))).await?;
    let report = without.report_until("any report", |_| true).await?;
    assert!(report.addresses.is_empty(), "{report:?}");
    Ok(())
}

fn interval(report: &ReportRequest) -> Result<Duration> {
    Ok(report.interval.context("no interval")?.try_into()?)
}

async fn a_directive_sets_the_interval(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::new(rebalance(&json!({}))).workers(2)).await?;
    for interval in [Duration::from_millis(100), Duration::from_secs(2)] {
        bed.server.answer_with(move |report| {
            let interval = interval.try_into().ok();
            Answer::Directive(Directive { interval, ..directive(report, 0) })
        });
        // The interval of before holds until the next report.
        bed.server.next(1, PATIENCE).await?;
        let reports = bed.server.next(4, PATIENCE).await?;
        once_per_interval(&reports, interval);
    }
    Ok(())
}

async fn listeners_with_the_same_plugin_report_together(version: EnvoyVersion) -> Result<()> {
    let server = RebalanceServer::start()?;
    let module = artifact::wasm()?;
    let filters = Evenkeel::inline(&module, rebalance(&json!({})));
    let listener = |name: &str| HttpListener::new(name).direct_response("/", "direct\n").evenkeel(&filters);
    let bootstrap = Bootstrap::new("two").listener(listener("public")).listener(listener("internal"));
    let bootstrap = bootstrap.cluster(Cluster::control_plane(CONTROL_PLANE, &[server.address()]));
    let envoy = Start::new(version).run(bootstrap.into_json()).await?;
    let _public = connect(envoy.listener("public").await?, 3).await?;
    let _internal = connect(envoy.listener("internal").await?, 4).await?;
    server.report_until("the connections of both listeners", PATIENCE, |report| report.live == 7).await?;
    once_per_interval(&server.next(6, PATIENCE).await?, INTERVAL);
    Ok(())
}
