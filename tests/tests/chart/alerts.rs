//! Alerts and the dashboard ask for metrics that the program has.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use evenkeel::rebalance::State;
use evenkeel_tests::network;
use serde_json::Value;

use super::helm::{chart, find, objects};
use super::metrics::{Exposed, exposed};
use super::queries::{Selector, groupings, selectors};

/// Where Prometheus itself puts the scraped pod.
const TARGET_LABELS: [&str; 2] = ["namespace", "pod"];

fn alerts() -> Result<Vec<Value>> {
    let objects = objects(&["--set", "prometheusRule.enabled=true"])?;
    let rules = find(&objects, "PrometheusRule", "evenkeel")?["spec"]["groups"][0]["rules"].clone();
    rules.as_array().cloned().context("no rules")
}

fn dashboard() -> Result<Value> {
    let objects = objects(&["--set", "dashboard.enabled=true"])?;
    let text = find(&objects, "ConfigMap", "evenkeel-dashboard")?["data"]["evenkeel.json"].as_str();
    let text = text.context("no dashboard")?;
    ensure!(text.trim_end() == fs::read_to_string(chart().join("files/dashboard.json"))?.trim_end());
    Ok(serde_json::from_str(text)?)
}

/// The queries of alerts and panels. Grafana's own variable is a duration.
fn queries() -> Result<Vec<String>> {
    let alerts = alerts()?;
    let panels = dashboard()?["panels"].as_array().cloned().context("no panels")?;
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries = alerts.iter().chain(targets).map(|asking| asking["expr"].as_str().context("nothing is asked"));
    queries.map(|query| Ok(query?.to_owned())).collect()
}

#[test]
fn queries_ask_for_metrics_and_labels_that_the_program_has() -> Result<()> {
    network::isolated(|| async {
        let exposed = exposed().await?;
        for query in queries()? {
            let grouped_by = groupings(&query);
            for selector in selectors(&query)? {
                check(&selector, &grouped_by, &exposed).with_context(|| query.clone())?;
            }
        }
        Ok(())
    })
}

fn check(selector: &Selector, grouped_by: &[String], exposed: &Exposed) -> Result<()> {
    let Selector { metric, matchers } = selector;
    ensure!(exposed.names.contains(metric), "there is no metric {metric}");
    if metric.starts_with("evenkeel_group_") {
        return check_group(selector, grouped_by);
    }
    let samples = exposed.samples.get(metric).with_context(|| format!("{metric} has no sample"))?;
    for (label, value) in matchers {
        ensure!(samples.iter().any(|labels| labels.get(label) == Some(value)), "{metric}: {label} is never {value}");
    }
    let mut labels = grouped_by.iter().filter(|label| !TARGET_LABELS.contains(&label.as_str()));
    let unknown = labels.find(|label| !samples.iter().all(|labels| labels.contains_key(*label)));
    ensure!(unknown.is_none(), "{metric} has no label {unknown:?}: {samples:?}");
    Ok(())
}

/// Where no proxy reports there is no group, and so no sample.
fn check_group(selector: &Selector, grouped_by: &[String]) -> Result<()> {
    for (label, value) in &selector.matchers {
        let is_state = label == "state" && State::ALL.iter().any(|state| state.to_string() == *value);
        ensure!(is_state, "{label} is never {value}");
    }
    let unknown = grouped_by.iter().find(|label| !["namespace", "group", "state"].contains(&label.as_str()));
    ensure!(unknown.is_none(), "groups have no label {unknown:?}");
    Ok(())
}

#[test]
fn every_alert_says_what_to_do() -> Result<()> {
    let alerts = alerts()?;
    let mut names = BTreeSet::new();
    for alert in &alerts {
        let name = alert["alert"].as_str().context("an alert without a name")?;
        ensure!(names.insert(name), "{name} is there twice");
        ensure!(["critical", "warning", "info"].contains(&alert["labels"]["severity"].as_str().unwrap_or_default()));
        for annotation in ["summary", "description"] {
            let text = alert["annotations"][annotation].as_str().unwrap_or_default();
            ensure!(!text.is_empty() && !text.contains('\n'), "{name}: {annotation}: {text:?}");
        }
    }
    Ok(())
}

#[test]
fn panels_stand_side_by_side_and_their_identities_differ() -> Result<()> {
    let (mut identities, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard()?["panels"].as_array().context("no panels")? {
        ensure!(identities.insert(panel["id"].as_u64().context("no id")?), "{} has another one's id", panel["title"]);
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap_or(u64::MAX));
        ensure!(x.saturating_add(w) <= 24 && h < 24, "{} does not fit", panel["title"]);
        let cells = (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row)));
        for cell in cells {
            ensure!(places.insert(cell), "{} lies on another panel", panel["title"]);
        }
    }
    Ok(())
}
