//! Edits of the settings while connections live.

use anyhow::Result;
use evenkeel_tests::gateway::{PATIENCE, Plan};
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use serde_json::json;

use super::bed::{Bed, connect, rebalance};

on_each_envoy! {
    an_edit_keeps_the_instance_and_its_counters,
    without_the_section_there_are_no_reports,
}

async fn an_edit_keeps_the_instance_and_its_counters(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::new(rebalance(&json!({}))).workers(4)).await?;
    let _connections = connect(bed.gateway.address, 20).await?;
    bed.server.allow(5);
    let before = bed.report_until("the drains", |report| report.drained == 5).await?;
    // Each edit leaves a root behind that ticks while its connections live.
    for rate in [0.3, 0.4, 0.5] {
        bed.gateway.edit(&rebalance(&json!({"maxRate": rate}))).await?;
        let _more = connect(bed.gateway.address, 2).await?;
    }
    let edited = |rate: f64| (rate - 0.5).abs() < 1e-9;
    bed.report_until("the last edit in a report", |report| edited(report.max_rate)).await?;
    let reports = bed.server.next(6, PATIENCE).await?;
    for pair in reports.windows(2) {
        assert_eq!(pair[1].report.sequence, pair[0].report.sequence + 1);
    }
    let last = &reports[5].report;
    assert_eq!((last.instance, last.accepted, last.drained), (before.instance, 26, 5));
    assert_eq!(last.live + last.draining, 20);
    Ok(())
}

async fn without_the_section_there_are_no_reports(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::new(rebalance(&json!({}))).workers(2)).await?;
    let _connections = connect(bed.gateway.address, 10).await?;
    let before = bed.report_until("all connections", |report| report.live == 10).await?;
    bed.gateway.edit(&json!({})).await?;
    let sent = bed.gateway.stat("reports_sent").await?;
    // The gauge follows once per tick, which is a second without the section: two intervals go by.
    let mut more = Vec::new();
    for live in [15, 20] {
        more.extend(connect(bed.gateway.address, 5).await?);
        bed.gateway.stat_becomes("connections_live", live).await?;
    }
    let late = bed.gateway.stat("reports_sent").await?;
    assert!(late <= sent + 1, "{sent} reports before the edit was taken everywhere, {late} later");
    // Not the text of before: Envoy would take up the root of before, without a word to its workers.
    bed.gateway.edit(&rebalance(&json!({"maxRate": 0.9}))).await?;
    let after = bed.report_until("all connections", |report| report.live == 20).await?;
    assert_eq!((after.instance, after.live), (before.instance, 20));
    Ok(())
}
