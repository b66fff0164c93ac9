//! An Envoy whose admin port can be reached.

use anyhow::Result;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::bootstrap::{Cluster, ConnectionLimits};
use evenkeel_tests::example::{CONNECTION, ENVOY, Example};
use evenkeel_tests::gateway::{PATIENCE, Plan};
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use serde_json::json;
use std::time::Duration;

use super::program::check;

on_each_envoy! {
    the_example_has_no_fault,
    a_chain_that_nobody_drains_is_found,
    settings_that_are_refused_later_are_found,
    capped_destinations_need_no_filter_of_connections,
}

const REVIEWS: &str = "outbound|80||reviews.shop.svc.cluster.local";
const RATINGS: &str = "outbound|80||ratings.shop.svc.cluster.local";

async fn the_example_has_no_fault(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let envoy = Example::copy(&backend)?.start(version).await?;
    let admin = envoy.admin_address()?.to_string();
    let answer = check(&["--admin", &admin, "--failure-threshold", "info"]).await?;
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "errors: 0, warnings: 0, notes: 0\n"), "{answer:?}");
    Ok(())
}

async fn a_chain_that_nobody_drains_is_found(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let example = Example::copy(&backend)?;
    example.edit(ENVOY, "key: wasm.ek_drain", "key: wasm.drain")?;
    example.edit(ENVOY, "idle_timeout: 1200s", "idle_timeout: 3600s")?;
    let envoy = example.start(version).await?;
    let admin = envoy.admin_address()?.to_string();
    let answer = check(&["--admin", &admin, "-o", "json"]).await?;
    assert_eq!((answer.code, answer.codes()?), (1, vec!["EK0204".to_owned(), "EK0503".to_owned()]), "{answer:?}");
    let text = check(&["--admin", &admin]).await?;
    assert!(
        text.stdout.starts_with("ERROR EK0204  listener gateway, filter chain 0, filter evenkeel.drain\n"),
        "{text:?}"
    );
    assert!(text.stdout.ends_with("errors: 1, warnings: 1, notes: 0\n"), "{text:?}");
    assert!(text.stderr.contains("error: findings of severity error or worse: 1"), "{text:?}");
    Ok(())
}

/// What was good before stays in force; Envoy's dump shows the refused one.
async fn settings_that_are_refused_later_are_found(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let example = Example::copy(&backend)?;
    let envoy = example.start(version).await?;
    example.edit(CONNECTION, "\"maxAge\": \"30m\"", "\"maxAge\": \"soon\"")?;
    let refused = "extension_config_discovery.network_filter.evenkeel.connection.update_rejected";
    envoy.stat_until(refused, |seen| seen == 1, PATIENCE).await?;
    let answer = check(&["--admin", &envoy.admin_address()?.to_string(), "-o", "json"]).await?;
    assert_eq!((answer.code, answer.codes()?), (1, vec!["EK0301".to_owned(), "EK0402".to_owned()]), "{answer:?}");
    Ok(())
}

async fn capped_destinations_need_no_filter_of_connections(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let limits = ConnectionLimits { idle_timeout: Some(Duration::from_mins(10)), ..ConnectionLimits::default() };
    let clusters = [REVIEWS, RATINGS].map(|name| Cluster::new(name, &[backend.address()]).limits(limits));
    let capped = |max_age: &str| json!({"outbound": {"destinations": [{"host": "reviews.shop.svc.cluster.local", "maxAge": max_age}]}});
    let gateway = Plan::outbound_alone(capped("10m")).destinations(clusters).start(version).await?;
    let admin = gateway.envoy.admin_address()?.to_string();
    let answer = check(&["--admin", &admin, "--failure-threshold", "info"]).await?;
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "errors: 0, warnings: 0, notes: 0\n"), "{answer:?}");
    gateway.edit_outbound(&capped("4m")).await?;
    let answer = check(&["--admin", &admin]).await?;
    let found = format!("WARNING EK0503  cluster {REVIEWS}\n");
    assert!(answer.stdout.starts_with(&found) && answer.stdout.contains("to 480s"), "{answer:?}");
    assert!(answer.stdout.ends_with("errors: 0, warnings: 1, notes: 0\n"), "{answer:?}");
    Ok(())
}
