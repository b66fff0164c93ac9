//! The account of the control plane, with the roles that the chart ships.

use std::fs;

use anyhow::{Context, Result};
use evenkeel_bed::artifact;

const BINDING: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: evenkeel}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: evenkeel, namespace: evenkeel}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: evenkeel},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: evenkeel},
 subjects: [{kind: ServiceAccount, name: evenkeel, namespace: evenkeel}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: evenkeel, namespace: evenkeel},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: evenkeel},
 subjects: [{kind: ServiceAccount, name: evenkeel, namespace: evenkeel}]}
";

/// Everything about it, to apply.
///
/// # Errors
/// When the rules of the chart cannot be read.
pub(super) fn objects() -> Result<String> {
    let cluster_role = role("ClusterRole", "clusterrole-rules.yaml", "{name: evenkeel}")?;
    let role = role("Role", "role-rules.yaml", "{name: evenkeel, namespace: evenkeel}")?;
    Ok([BINDING, &cluster_role, &role].join("\n---\n"))
}

/// A role with the rules that the chart ships; it adds nothing to them but the name.
fn role(kind: &str, rules: &str, metadata: &str) -> Result<String> {
    let file = artifact::workspace_folder().join("istio/chart/files").join(rules);
    let rules = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {metadata}\n{rules}"))
}
