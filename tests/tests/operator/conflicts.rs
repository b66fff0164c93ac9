//! Where two want the same, one does not get it, and is told.

use anyhow::{Context, Result, ensure};
use evenkeel_tests::{network, wait};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::bed::{Bed, PATIENCE};

const CANARY: &str = "
{apiVersion: v1, kind: Service, metadata: {name: canary, namespace: shop}, spec: {
  selector: {app: cart, track: canary}, ports: [{name: http, port: 80}]}}
";

#[test]
fn of_two_policies_for_one_service_the_older_holds_until_it_goes() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let _control_plane = bed.control_plane().await?;
        bed.apply_policy("older", "cart", "inbound: {maxAge: 30m}").await?;
        bed.is_programmed("older").await?;
        // Times of creation are whole seconds; by name the next one would come first.
        let created = bed.policies().get("older").await?.metadata.creation_timestamp.context("no time of creation")?;
        let now = async || Ok(Timestamp::now().as_second());
        wait::until("the next second", PATIENCE, now, |now| *now > created.0.as_second()).await?;
        bed.apply_policy("a-younger", "cart", "inbound: {maxAge: 5m}").await?;
        bed.kubernetes.apply(CANARY).await?;
        bed.apply_policy("canary", "canary", "inbound: {maxAge: 5m}").await?;

        let message = bed.condition_becomes("a-younger", "Accepted", ("False", "Conflicted")).await?;
        ensure!(
            message.contains("ConnectionPolicy older is older and holds: it is for Service shop/cart"),
            "{message}"
        );
        let message = bed.condition_becomes("canary", "Accepted", ("False", "Conflicted")).await?;
        ensure!(message.contains("its Service shop/cart selects some of the same pods"), "{message}");
        bed.event("a-younger", "Conflicted").await?;
        ensure!(bed.filter_of("a-younger").await.is_err() && bed.filter_of("canary").await.is_err());

        bed.delete_policy("older").await?;
        bed.is_programmed("a-younger").await?;
        bed.filter_goes("older").await
    })
}

#[test]
fn what_another_tool_applies_is_not_overruled() -> Result<()> {
    network::isolated(|| async {
        let (bed, _control_plane) = Bed::with_policy("inbound: {maxAge: 30m}").await?;
        bed.another_applies("evenkeel-caps", &json!({"priority": 50})).await?;
        let message = bed.condition_becomes("caps", "Programmed", ("False", "ApplyFailed")).await?;
        ensure!(message.contains("field manager \"argocd-controller\" applies .spec.priority as well"), "{message}");
        ensure!(bed.filter_of("caps").await?.data["spec"]["priority"] == 50);
        bed.event("caps", "ApplyFailed").await?;

        bed.another_applies("evenkeel-caps", &json!({})).await?;
        bed.is_programmed("caps").await?;
        ensure!(bed.filter_of("caps").await?.data["spec"]["priority"] == 10);
        Ok(())
    })
}

#[test]
fn an_object_that_was_there_before_is_left_alone() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let _control_plane = bed.control_plane().await?;
        bed.another_applies("evenkeel-caps", &json!({"priority": 50})).await?;
        bed.apply_policy("caps", "cart", "inbound: {maxAge: 30m}").await?;
        let message = bed.condition_becomes("caps", "Programmed", ("False", "ApplyFailed")).await?;
        ensure!(message.contains("an object of this name exists that was not made for this policy"), "{message}");
        bed.delete_policy("caps").await?;
        let gone = async || Ok(bed.policies().get_opt("caps").await?);
        wait::until("the policy to go", PATIENCE, gone, Option::is_none).await?;
        ensure!(bed.filter_of("caps").await?.data["spec"] == json!({"priority": 50}));
        Ok(())
    })
}
