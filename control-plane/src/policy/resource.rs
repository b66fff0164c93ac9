//! The custom resource.

use super::endpoints::Endpoints;
use super::outbound::Outbound;
use super::status::ConnectionPolicyStatus;
use crate::rebalance::Section as Rebalance;
use evenkeel_filter_core::Inbound;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to the connections of a Service's pods, and where they find others.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "evenkeel.dev",
    version = "v1alpha1",
    kind = "ConnectionPolicy",
    namespaced,
    status = "ConnectionPolicyStatus",
    derive = "PartialEq",
    doc = "What happens to the connections of a Service's pods.",
    printcolumn(name = "SERVICE", type_ = "string", json_path = ".spec.targetRefs[0].name"),
    printcolumn(name = "STATE", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "IMBALANCE", type_ = "number", json_path = ".status.imbalance"),
    printcolumn(name = "CLOSES", type_ = "integer", json_path = ".status.closes"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("has(self.spec.inbound) || has(self.spec.rebalance) || has(self.spec.outbound) || has(self.spec.endpoints)").message("it says nothing: add `inbound`, `rebalance`, `outbound` or `endpoints`")
)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConnectionPolicySpec {
    /// Whose connections: one Service of the same namespace.
    #[schemars(length(min = 1, max = 1))]
    pub target_refs: Vec<TargetRef>,
    /// Caps on connections that the pods accept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Inbound>,
    /// Connections move, when pods are added, until each pod has its share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<Rebalance>,
    /// Caps on connections that the pods open, by destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Outbound>,
    /// Destinations that the pods send to, of which they take the endpoints from the control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
}

/// A Kubernetes object of the policy's namespace.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetRef {
    /// The API group; the core group is the empty text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("enum" = [""]))]
    pub group: String,
    /// `Service`.
    #[schemars(extend("enum" = ["Service"]))]
    pub kind: String,
    /// The name.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}

#[cfg(test)]
mod tests;
