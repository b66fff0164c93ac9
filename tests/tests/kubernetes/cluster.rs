//! A cluster with one service, its pods, and the account of the control plane.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use evenkeel_tests::artifact;
use evenkeel_tests::kubernetes::{ApiServer, Kubernetes, Node, Pods};

/// Whose role is the one that is shipped.
pub const ACCOUNT: (&str, &str) = ("evenkeel", "evenkeel");
/// The pods of the service, as an EDS resource.
pub const RESOURCE: &str = "pods/shop/cart:80";

const SERVICE: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}]}}
";

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

pub struct Cluster {
    pub kubernetes: Kubernetes,
    pub pods: Pods,
}

impl Cluster {
    /// With two pods on two nodes.
    pub async fn start() -> Result<Self> {
        let kubernetes = Kubernetes::start().await?;
        kubernetes.apply(BINDING).await?;
        kubernetes.apply(&role("ClusterRole", "clusterrole-rules.yaml", "{name: evenkeel}")?).await?;
        kubernetes.apply(&role("Role", "role-rules.yaml", "{name: evenkeel, namespace: evenkeel}")?).await?;
        kubernetes.apply(SERVICE).await?;
        let nodes = [Node::new(1), Node::new(2)];
        for node in &nodes {
            node.apply(&kubernetes).await?;
        }
        let mut pods = Pods::new(&kubernetes, "shop", "cart", &nodes)?;
        pods.scale(2).await?;
        Ok(Self { kubernetes, pods })
    }

    /// What the control plane needs to follow the cluster by its first API server.
    pub async fn kubeconfig(&self) -> Result<PathBuf> {
        self.kubeconfig_at(&self.kubernetes.api_server).await
    }

    pub async fn kubeconfig_at(&self, api_server: &ApiServer) -> Result<PathBuf> {
        self.kubernetes.kubeconfig_for(ACCOUNT, api_server).await
    }
}

/// A role with the rules that the chart ships; it adds nothing to them but the name.
fn role(kind: &str, rules: &str, metadata: &str) -> Result<String> {
    let file = artifact::workspace_folder().join("istio/chart/files").join(rules);
    let rules = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {metadata}\n{rules}"))
}
