//! Destinations whose connections are capped, and the rules by which idle ones end.

use anyhow::{Context, Result, ensure};
use evenkeel_tests::{network, wait};
use kube::api::{DeleteParams, DynamicObject};
use serde_json::{Value, json};

use super::bed::{Bed, PATIENCE};
use super::policies::{owner, patches};

const SECTIONS: &str = "outbound: {destinations: [{host: prices.shop.svc.cluster.local, maxAge: 10m}]}";
const RULE: &str = "evenkeel-caps-prices.shop.svc.cluster.local";

/// What somebody else says of the way to the same host.
fn theirs(http: &str) -> String {
    format!(
        "{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: prices, namespace: shop}}, spec: {{
           host: prices, trafficPolicy: {{tls: {{mode: ISTIO_MUTUAL}}, connectionPool: {{http: {{{http}}}}}}}}}}}"
    )
}

/// Waits until there is our rule or none.
async fn rule_is(bed: &Bed, there: bool) -> Result<Option<DynamicObject>> {
    let rule = async || Ok(bed.rules().get_opt(RULE).await?);
    let what = if there { "our rule" } else { "no rule of ours" };
    wait::until(what, PATIENCE, rule, |rule| rule.is_some() == there).await
}

/// The hosts that the filter is told of.
async fn capped(bed: &Bed) -> Result<Vec<String>> {
    let filter = bed.filter_of("caps").await?;
    let discovered = patches(&filter, |kind| kind == "EXTENSION_CONFIG");
    let text = discovered[0].pointer("/patch/value/typed_config/config/configuration/value");
    let settings: Value = serde_json::from_str(text.and_then(Value::as_str).context("no configuration")?)?;
    let destinations = settings["outbound"]["destinations"].as_array().into_iter().flatten();
    Ok(destinations.map(|destination| destination["host"].as_str().unwrap_or_default().to_owned()).collect())
}

#[test]
fn a_rule_is_made_kept_as_it_is_and_goes_with_its_policy() -> Result<()> {
    network::isolated(|| async {
        let (bed, _control_plane) = Bed::with_policy(SECTIONS).await?;
        let rule = rule_is(&bed, true).await?.context("no rule")?;
        ensure!(owner(&rule)[0]["name"] == "caps", "{}", owner(&rule));
        ensure!(rule.data["spec"]["workloadSelector"]["matchLabels"] == json!({"app": "cart"}), "{}", rule.data);

        bed.edit_rule(RULE, &json!({"spec": {"host": "elsewhere.shop.svc.cluster.local"}})).await?;
        let seen = async || Ok(bed.rules().get(RULE).await?);
        let is_right = |seen: &DynamicObject| seen.data["spec"] == rule.data["spec"];
        wait::until("the edit to be put right", PATIENCE, seen, is_right).await?;

        bed.apply_policy("caps", "cart", "inbound: {maxAge: 30m}").await?;
        rule_is(&bed, false).await?;
        bed.apply_policy("caps", "cart", SECTIONS).await?;
        rule_is(&bed, true).await?;
        bed.delete_policy("caps").await?;
        rule_is(&bed, false).await.map(drop)
    })
}

/// Proxies follow one rule for a host only: ours would hide what theirs says of TLS.
#[test]
fn somebody_else_s_rule_is_left_alone_and_the_status_says_what_it_lacks() -> Result<()> {
    network::isolated(|| async {
        let (bed, _control_plane) = Bed::with_policy(SECTIONS).await?;
        rule_is(&bed, true).await?;
        ensure!(capped(&bed).await? == ["prices.shop.svc.cluster.local"]);

        bed.kubernetes.apply(&theirs("maxRetries: 3")).await?;
        let before = bed.rules().get("prices").await?;
        let message = bed.condition_becomes("caps", "Programmed", ("False", "DestinationDeclined")).await?;
        let remedy = "set spec.trafficPolicy.connectionPool.http.idleTimeout to 600s there";
        ensure!(message.contains("DestinationRule shop/prices") && message.contains(remedy), "{message}");
        bed.event("caps", "DestinationDeclined").await?;
        rule_is(&bed, false).await?;
        ensure!(capped(&bed).await?.is_empty(), "connections would pile up");

        bed.kubernetes.apply(&theirs("maxRetries: 3, idleTimeout: 600s")).await?;
        bed.is_programmed("caps").await?;
        ensure!(capped(&bed).await? == ["prices.shop.svc.cluster.local"]);
        ensure!(bed.rules().get_opt(RULE).await?.is_none(), "there are two rules for one host");
        let after = bed.rules().get("prices").await?;
        ensure!(before.metadata.uid == after.metadata.uid && after.metadata.owner_references.is_none());

        bed.rules().delete("prices", &DeleteParams::default()).await?;
        rule_is(&bed, true).await.map(drop)
    })
}
