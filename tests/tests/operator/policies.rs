//! Policies and what is made of them, as an operator sees them.

use anyhow::{Context, Result};
use evenkeel_tests::wait;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::bed::{Bed, PATIENCE};

impl Bed {
    /// The policies of namespace `shop`.
    pub fn policies(&self) -> Api<DynamicObject> {
        self.api("evenkeel.dev", "v1alpha1", "ConnectionPolicy")
    }

    /// Its filters.
    pub fn filters(&self) -> Api<DynamicObject> {
        self.api("networking.istio.io", "v1alpha3", "EnvoyFilter")
    }

    /// The rules there, anybody's.
    pub fn rules(&self) -> Api<DynamicObject> {
        self.api("networking.istio.io", "v1", "DestinationRule")
    }

    fn api(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let resource = match kind {
            "ConnectionPolicy" => {
                ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), "connectionpolicies")
            }
            _ => ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind)),
        };
        Api::namespaced_with(self.kubernetes.client(), "shop", &resource)
    }

    /// Applies a policy for a Service, with these sections.
    pub async fn apply_policy(&self, name: &str, service: &str, sections: &str) -> Result<()> {
        self.kubernetes.apply(&policy(name, service, sections)).await
    }

    /// Deletes a policy, as `kubectl delete`.
    pub async fn delete_policy(&self, name: &str) -> Result<()> {
        self.policies().delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Waits until a condition of a policy has this status and reason, and returns its message.
    pub async fn condition_becomes(&self, policy: &str, kind: &str, expected: (&str, &str)) -> Result<String> {
        let condition = async || {
            let policy = self.policies().get(policy).await?;
            let conditions =
                policy.data.pointer("/status/conditions").and_then(Value::as_array).context("no conditions")?;
            let condition =
                conditions.iter().find(|condition| condition["type"] == kind).context("no such condition")?;
            anyhow::ensure!(condition["observedGeneration"] == json!(policy.metadata.generation), "{condition}");
            Ok(condition.clone())
        };
        let is_expected = |seen: &Value| seen["status"] == expected.0 && seen["reason"] == expected.1;
        let seen = wait::until(&format!("{kind} to be {expected:?}"), PATIENCE, condition, is_expected).await?;
        Ok(seen["message"].as_str().context("no message")?.to_owned())
    }

    /// Waits until Istio has been told what a policy wants.
    pub async fn is_programmed(&self, policy: &str) -> Result<()> {
        self.condition_becomes(policy, "Accepted", ("True", "Accepted")).await?;
        self.condition_becomes(policy, "Programmed", ("True", "Programmed")).await.map(drop)
    }

    /// The EnvoyFilter that was made for a policy.
    pub async fn filter_of(&self, policy: &str) -> Result<DynamicObject> {
        Ok(self.filters().get(&format!("evenkeel-{policy}")).await?)
    }

    /// Waits until the EnvoyFilter of a policy is as expected.
    pub async fn filter_becomes(
        &self,
        policy: &str,
        what: &str,
        is_expected: impl Fn(&DynamicObject) -> bool,
    ) -> Result<DynamicObject> {
        wait::until(what, PATIENCE, async || self.filter_of(policy).await, is_expected).await
    }

    /// Waits until there is no EnvoyFilter for a policy any more.
    pub async fn filter_goes(&self, policy: &str) -> Result<()> {
        let name = format!("evenkeel-{policy}");
        let filter = async || Ok(self.filters().get_opt(&name).await?);
        wait::until("the EnvoyFilter to go", PATIENCE, filter, Option::is_none).await.map(drop)
    }

    /// Changes the EnvoyFilter of a policy by hand.
    pub async fn edit_filter(&self, policy: &str, patch: &Value) -> Result<DynamicObject> {
        let parameters = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        Ok(self.filters().patch(&format!("evenkeel-{policy}"), &parameters, &Patch::Merge(patch)).await?)
    }

    /// Changes a rule by hand.
    pub async fn edit_rule(&self, name: &str, patch: &Value) -> Result<DynamicObject> {
        let parameters = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        Ok(self.rules().patch(name, &parameters, &Patch::Merge(patch)).await?)
    }

    /// Applies an EnvoyFilter as another tool does that goes on applying it.
    pub async fn another_applies(&self, name: &str, spec: &Value) -> Result<()> {
        let object = json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
                            "metadata": {"name": name}, "spec": spec});
        let parameters = PatchParams::apply("argocd-controller").force();
        self.filters().patch(name, &parameters, &Patch::Apply(object)).await?;
        Ok(())
    }

    /// Waits until an Event with this reason is about a policy, and returns its note.
    pub async fn event(&self, policy: &str, reason: &str) -> Result<String> {
        let events: Api<Event> = Api::namespaced(self.kubernetes.client(), "shop");
        let event = async || {
            let all = events.list(&ListParams::default()).await?;
            let is_it = |event: &&Event| {
                event.reason.as_deref() == Some(reason)
                    && event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(policy)
            };
            all.iter().find(is_it).and_then(|event| event.note.clone()).context("no such Event")
        };
        wait::until(&format!("Event {reason}"), PATIENCE, event, |_| true).await
    }
}

/// The manifest of a policy for a Service.
pub fn policy(name: &str, service: &str, sections: &str) -> String {
    format!(
        "{{apiVersion: evenkeel.dev/v1alpha1, kind: ConnectionPolicy, metadata: {{name: {name}, namespace: shop}},
           spec: {{targetRefs: [{{kind: Service, name: {service}}}], {sections}}}}}"
    )
}

/// The parts of an EnvoyFilter that configure what is meant by `kind`, or everything else.
pub fn patches(filter: &DynamicObject, matches: impl Fn(&str) -> bool) -> Vec<Value> {
    let all = filter.data.pointer("/spec/configPatches").and_then(Value::as_array).cloned().unwrap_or_default();
    all.into_iter().filter(|patch| patch["applyTo"].as_str().is_some_and(&matches)).collect()
}

/// Of which policy an object says that it is.
pub fn owner(object: &DynamicObject) -> Value {
    json!(object.owner_references())
}
