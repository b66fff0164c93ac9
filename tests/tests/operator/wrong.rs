//! A policy that this program does not understand: one of a newer release, say.

use anyhow::{Context, Result, ensure};
use evenkeel::policy::ConnectionPolicy;
use evenkeel_tests::network;
use kube::CustomResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::bed::Bed;

#[test]
fn a_policy_that_makes_no_sense_is_told_so_and_what_it_said_before_stays() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        bed.kubernetes.apply(&newer_definition()?).await?;
        let _control_plane = bed.control_plane().await?;
        bed.apply_policy("caps", "cart", "inbound: {maxAge: 30m}").await?;
        bed.apply_policy("other", "cart", "inbound: {maxAge: 30m}").await?;
        bed.is_programmed("caps").await?;
        let filter = bed.filter_of("caps").await?;
        let sideways = json!({"spec": {"sideways": {"maxAge": "30m"}}});
        bed.policies().patch("caps", &PatchParams::default(), &Patch::Merge(sideways)).await?;
        let message = bed.condition_becomes("caps", "Accepted", ("False", "Invalid")).await?;
        ensure!(message.contains("sideways"), "{message}");
        bed.event("caps", "Invalid").await?;
        ensure!(bed.filter_of("caps").await?.data == filter.data);
        Ok(())
    })
}

/// Ours, with fields that this release does not know.
fn newer_definition() -> Result<String> {
    let mut definition = serde_json::to_value(ConnectionPolicy::crd())?;
    let spec = definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties");
    let properties = spec.and_then(Value::as_object_mut).context("no schema")?;
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    properties.insert("sideways".to_owned(), anything);
    Ok(definition.to_string())
}
