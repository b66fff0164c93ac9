//! Nodes, as their kubelets would report them.

use std::net::Ipv4Addr;

use anyhow::Result;
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Kubernetes, kubelet};

/// A node: where pods are, and what a `NodePort` is reached by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The object's name.
    pub name: String,
    /// The `InternalIP`.
    pub address: Ipv4Addr,
    /// `topology.kubernetes.io/zone`.
    pub zone: String,
    /// `topology.kubernetes.io/region`.
    pub region: String,
    /// The condition `Ready`.
    pub ready: bool,
}

impl Node {
    /// The n-th node: ready, at 10.1.0.N, in a zone of its own of the region `region`.
    pub fn new(number: u8) -> Self {
        Self {
            name: format!("node-{number}"),
            address: Ipv4Addr::new(10, 1, 0, number),
            zone: format!("zone-{number}"),
            region: "region".to_owned(),
            ready: true,
        }
    }

    /// Creates or changes it.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn apply(&self, kubernetes: &Kubernetes) -> Result<()> {
        let nodes: Api<NodeObject> = Api::all(kubernetes.client());
        let labels = json!({"topology.kubernetes.io/zone": self.zone, "topology.kubernetes.io/region": self.region});
        let object = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name, "labels": labels}});
        let parameters = PatchParams::apply("evenkeel-tests").force();
        nodes.patch(&self.name, &parameters, &Patch::Apply(object)).await?;
        let ready = if self.ready { "True" } else { "False" };
        let status = json!({"status": {
            "addresses": [{"type": "InternalIP", "address": self.address}],
            "conditions": [{"type": "Ready", "status": ready}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet::PORT}},
        }});
        nodes.patch_status(&self.name, &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }
}
