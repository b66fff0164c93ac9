//! The life of a policy.

use anyhow::{Context, Result, ensure};
use evenkeel_tests::network;
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::bed::Bed;
use super::policies::{owner, patches};

#[test]
fn a_policy_becomes_an_object_of_istio_that_follows_it_and_goes_with_it() -> Result<()> {
    network::isolated(|| async {
        let (bed, _control_plane) = Bed::with_policy("inbound: {maxAge: 30m}, rebalance: {mode: observe}").await?;
        let policy = bed.policies().get("caps").await?;
        ensure!(policy.data["status"]["state"] == "NoReports", "{}", policy.data["status"]);
        let before = bed.filter_of("caps").await?;
        let expected = json!([{"apiVersion": "evenkeel.dev/v1alpha1", "kind": "ConnectionPolicy", "name": "caps",
                               "uid": policy.uid(), "controller": true}]);
        ensure!(owner(&before) == expected, "{}", owner(&before));
        ensure!(before.data["spec"]["workloadSelector"]["labels"] == json!({"app": "cart"}), "{}", before.data);
        ensure!(settings(&before)?["inbound"]["maxAge"] == "30m");
        bed.event("caps", "Programmed").await?;

        // An edit of anything but the discovered configuration would drain connections.
        bed.apply_policy("caps", "cart", "inbound: {maxAge: 5m}, rebalance: {mode: observe}").await?;
        let edited = |filter: &_| settings(filter).is_ok_and(|settings| settings["inbound"]["maxAge"] == "5m");
        let after = bed.filter_becomes("caps", "the new cap", edited).await?;
        let others = |kind: &str| kind != "EXTENSION_CONFIG";
        ensure!(patches(&before, others) == patches(&after, others));
        bed.is_programmed("caps").await?;

        bed.delete_policy("caps").await?;
        bed.filter_goes("caps").await
    })
}

/// The chains stay as they are: a change of them would drain every connection.
#[test]
fn a_new_filter_changes_only_what_is_discovered() -> Result<()> {
    network::isolated(|| async {
        let (bed, mut old) = Bed::with_policy("inbound: {maxAge: 30m, maxRequests: 100}, rebalance: {}").await?;
        let before = bed.filter_of("caps").await?;
        ensure!(old.terminate()?.success());
        bed.release_filter(b"new")?;
        let _new = bed.control_plane().await?;
        let after = bed.filter_becomes("caps", "the new filter", |filter| filter.data != before.data).await?;
        let others = |kind: &str| kind != "EXTENSION_CONFIG";
        ensure!(patches(&before, others) == patches(&after, others));
        ensure!(
            settings(&before)? == settings(&after)?
                && before.data["spec"]["priority"] == after.data["spec"]["priority"]
        );
        Ok(())
    })
}

#[test]
fn what_somebody_edits_or_deletes_is_put_right() -> Result<()> {
    network::isolated(|| async {
        let (bed, _control_plane) = Bed::with_policy("inbound: {maxAge: 30m}").await?;
        let spec = bed.filter_of("caps").await?.data["spec"].clone();
        let right = |filter: &kube::api::DynamicObject| filter.data["spec"] == spec;

        let edited = bed.edit_filter("caps", &json!({"spec": {"priority": 99, "configPatches": []}})).await?;
        ensure!(!right(&edited));
        bed.filter_becomes("caps", "the edit to be put right", right).await?;
        let note = bed.event("caps", "Repaired").await?;
        ensure!(note.contains("EnvoyFilter shop/evenkeel-caps was changed by somebody else"), "{note}");

        let unlabelled = json!({"metadata": {"labels": null, "ownerReferences": null}});
        bed.edit_filter("caps", &unlabelled).await?;
        let owned = |filter: &kube::api::DynamicObject| right(filter) && filter.owner_references().len() == 1;
        bed.filter_becomes("caps", "its owner to be named again", owned).await?;

        bed.filters().delete("evenkeel-caps", &DeleteParams::default()).await?;
        bed.filter_becomes("caps", "it to come back", right).await?;
        bed.is_programmed("caps").await
    })
}

/// What the filter is told.
fn settings(filter: &kube::api::DynamicObject) -> Result<Value> {
    let discovered = patches(filter, |kind| kind == "EXTENSION_CONFIG");
    let value =
        discovered.first().and_then(|patch| patch.pointer("/patch/value/typed_config/config/configuration/value"));
    Ok(serde_json::from_str(value.and_then(Value::as_str).context("no configuration")?)?)
}
