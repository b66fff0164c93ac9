//! A `ConnectionPolicy` as the API server has it: perhaps not one that this program understands.

use super::{ConnectionPolicy, ConnectionPolicySpec, ConnectionPolicyStatus};
use crate::model::ServiceName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, ObjectMeta};
use kube::{Resource, ResourceExt};
use serde::Deserialize;
use serde_json::Value;

/// One policy, read as far as it makes sense.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenPolicy {
    /// Its name, namespace, and everything else that does not depend on the kind.
    pub metadata: ObjectMeta,
    /// What it says, or why that makes no sense.
    pub spec: Result<ConnectionPolicySpec, String>,
    /// What was said of it last; `None` if that makes no sense either.
    pub status: Option<ConnectionPolicyStatus>,
}

impl SeenPolicy {
    /// Reads it.
    pub fn new(object: &DynamicObject) -> Self {
        let part = |name: &str| object.data.get(name).unwrap_or(&Value::Null);
        let spec = serde_path_to_error::deserialize(part("spec"));
        let spec = spec.map_err(|error: serde_path_to_error::Error<_>| match error.path().to_string().as_str() {
            "." => format!("spec: {}", error.inner()),
            field => format!("spec.{field}: {}", error.inner()),
        });
        let status = ConnectionPolicyStatus::deserialize(part("status")).ok();
        Self { metadata: object.metadata.clone(), spec, status }
    }

    /// What tells it from an earlier one of the same name.
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Its name within its namespace.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Whether somebody has deleted it, and the API server waits for others before it goes.
    pub fn is_going(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// The oldest comes first; of two of one second the one whose name does.
    pub fn age(&self) -> (Option<Timestamp>, &str, &str) {
        (self.metadata.creation_timestamp.as_ref().map(|time| time.0), self.name(), self.namespace())
    }

    /// The Service that it is for.
    pub fn target(&self) -> Option<ServiceName> {
        let target = self.spec.as_ref().ok()?.target_refs.first()?;
        Some(ServiceName::new(self.namespace(), target.name.as_str()))
    }

    /// The policy itself, if it makes sense.
    pub fn policy(&self) -> Option<ConnectionPolicy> {
        let spec = self.spec.clone().ok()?;
        Some(ConnectionPolicy { metadata: self.metadata.clone(), spec, status: None })
    }

    /// What the objects say that are made for it. They go with it.
    pub fn owner_reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: ConnectionPolicy::api_version(&()).into_owned(),
            kind: ConnectionPolicy::kind(&()).into_owned(),
            name: self.name().to_owned(),
            uid: self.uid().to_owned(),
            controller: Some(true),
            // To block it would take the right to change the policy's finalizers.
            block_owner_deletion: None,
        }
    }
}

/// The uid of the policy that an object was made for.
pub fn owner(object: &DynamicObject) -> Option<&str> {
    let is_policy = |owner: &&OwnerReference| {
        owner.controller == Some(true)
            && owner.kind == ConnectionPolicy::kind(&())
            && owner.api_version.split('/').next() == Some(&*ConnectionPolicy::group(&()))
    };
    object.owner_references().iter().find(is_policy).map(|owner| owner.uid.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(spec: &Value, status: &Value) -> SeenPolicy {
        let object = json!({"metadata": {"name": "caps", "namespace": "shop"}, "spec": spec, "status": status});
        SeenPolicy::new(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_policy_that_makes_no_sense_says_where() {
        let target = json!([{"kind": "Service", "name": "cart"}]);
        let wrong = seen(&json!({"targetRefs": target, "inbound": {"maxAge": "soon"}}), &Value::Null);
        let problem = wrong.spec.unwrap_err();
        assert!(problem.starts_with("spec.inbound.maxAge: "), "{problem}");
        let newer = seen(&json!({"targetRefs": target, "sideways": {}}), &json!({"observedGeneration": 3}));
        assert!(newer.spec.unwrap_err().contains("sideways"));
        assert_eq!(newer.status.unwrap().observed_generation, Some(3));
    }

    #[test]
    fn a_status_that_makes_no_sense_is_none() {
        let seen = seen(&json!({"targetRefs": [{"kind": "Service", "name": "cart"}]}), &json!({"conditions": 3}));
        assert_eq!(seen.status, None);
        assert_eq!(seen.target(), Some(ServiceName::new("shop", "cart")));
    }
}
