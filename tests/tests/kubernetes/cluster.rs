//! A cluster with one service, its pods, and the account of the control plane.

use std::path::PathBuf;

use anyhow::Result;
use evenkeel_tests::kubernetes::{ApiServer, CONTROL_PLANE_ACCOUNT, Kubernetes, Node, Pods};

/// The pods of the service, as an EDS resource.
pub const RESOURCE: &str = "pods/shop/cart:80";

const SERVICE: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}]}}
";

pub struct Cluster {
    pub kubernetes: Kubernetes,
    pub pods: Pods,
}

impl Cluster {
    /// With two pods on two nodes.
    pub async fn start() -> Result<Self> {
        let kubernetes = Kubernetes::start().await?;
        kubernetes.create_control_plane_account().await?;
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
        self.kubernetes.kubeconfig_for(CONTROL_PLANE_ACCOUNT, api_server).await
    }
}
