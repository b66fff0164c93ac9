//! A Kubernetes API server with what the chart defines.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use evenkeel_bed::istio;
use evenkeel_tests::kubernetes::Kubernetes;
use evenkeel_tests::wait;
use kube::api::{DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::discovery::pinned_kind;
use kube::{Api, Client};
use serde_json::Value;

use super::helm::{NAMESPACE, chart};

/// How long something may take that should be there within seconds: programs start, on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Starts one with the namespaces of the examples, and the kinds of Evenkeel and Istio.
///
/// Where Evenkeel is installed, a pod that is not restricted in every respect is refused.
pub async fn start() -> Result<Kubernetes> {
    let kubernetes = Kubernetes::start().await?;
    let enforce = "labels: {pod-security.kubernetes.io/enforce: restricted}";
    let namespaces = format!(
        "{{apiVersion: v1, kind: Namespace, metadata: {{name: {NAMESPACE}, {enforce}}}}}
---
{{apiVersion: v1, kind: Namespace, metadata: {{name: istio-system}}}}
---
{{apiVersion: v1, kind: Namespace, metadata: {{name: shop}}}}
"
    );
    kubernetes.apply(&namespaces).await?;
    kubernetes.apply(&fs::read_to_string(chart().join("crds/connectionpolicies.yaml"))?).await?;
    kubernetes.apply(&fs::read_to_string(istio::custom_resource_definitions()?)?).await?;
    is_served(&kubernetes.client(), "evenkeel.dev", "v1alpha1", "ConnectionPolicy").await?;
    is_served(&kubernetes.client(), "security.istio.io", "v1", "AuthorizationPolicy").await?;
    Ok(kubernetes)
}

/// A definition is taken at once, and its kind is served a moment later.
async fn is_served(client: &Client, group: &str, version: &str, kind: &str) -> Result<()> {
    let listed = async || {
        let (resource, _) = pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await?;
        Api::<DynamicObject>::all_with(client.clone(), &resource).list(&ListParams::default()).await?;
        Ok(())
    };
    wait::until(&format!("{kind} to be served"), PATIENCE, listed, |()| true).await
}

/// Applies objects, but those of kinds that an API server has only where a Prometheus operator is.
pub async fn apply(kubernetes: &Kubernetes, objects: &[Value]) -> Result<()> {
    let known = objects.iter().filter(|object| object["apiVersion"] != "monitoring.coreos.com/v1");
    let documents: Vec<_> = known.map(Value::to_string).collect();
    kubernetes.apply(&documents.join("\n---\n")).await
}
