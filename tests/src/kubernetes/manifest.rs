//! YAML manifests, applied as `kubectl apply --server-side` does it.

use anyhow::{Context, Result};
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use kube::{Api, Client, ResourceExt};

pub(super) async fn apply(client: &Client, yaml: &str) -> Result<()> {
    let objects: Vec<DynamicObject> = serde_saphyr::from_multiple(yaml).context("not a list of Kubernetes objects")?;
    for object in objects {
        apply_object(client, &object).await.with_context(|| format!("cannot apply {}", describe(&object)))?;
    }
    Ok(())
}

async fn apply_object(client: &Client, object: &DynamicObject) -> Result<()> {
    let types = object.types.as_ref().context("an object without apiVersion and kind")?;
    let (resource, capabilities) = pinned_kind(client, &GroupVersionKind::try_from(types)?).await?;
    let api: Api<DynamicObject> = match (capabilities.scope, object.namespace()) {
        (Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
        (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), &namespace, &resource),
        (Scope::Namespaced, None) => Api::default_namespaced_with(client.clone(), &resource),
    };
    let parameters = PatchParams::apply("evenkeel-tests").force();
    api.patch(&object.name_any(), &parameters, &Patch::Apply(object)).await?;
    Ok(())
}

fn describe(object: &DynamicObject) -> String {
    let kind = object.types.as_ref().map_or("an object", |types| &types.kind);
    format!("{kind} {}", object.name_any())
}
