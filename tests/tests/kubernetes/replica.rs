//! A replica of the control plane that stands for election, with a pod that it labels.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::kubernetes::CONTROL_PLANE_ACCOUNT;
use evenkeel_tests::wait;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::cluster::Cluster;
use super::gateway::PATIENCE;

/// The label of the leader's pod.
const LABEL: &str = "evenkeel.dev/leader";
/// A quick election, so that a test does not wait for what it does not look at.
const FLAGS: [&str; 5] = [
    "--leader-election-namespace=evenkeel",
    "--leader-election-id=evenkeel",
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];

pub struct Replica {
    pub control_plane: ControlPlane,
    pods: Api<Pod>,
    name: String,
}

impl Replica {
    /// Creates the pod, starts the program, and waits until it is ready.
    pub async fn start(cluster: &Cluster, name: &str) -> Result<Self> {
        let pods = Api::namespaced(cluster.kubernetes.client(), CONTROL_PLANE_ACCOUNT.0);
        pods.create(&PostParams::default(), &pod(name)?).await?;
        let pod_name = format!("--pod-name={name}");
        let flags = [&FLAGS[..], &[pod_name.as_str()]].concat();
        let kubeconfig = cluster.kubeconfig().await?;
        let mut control_plane = ControlPlane::launch_in_cluster(&kubeconfig, &flags).await?;
        control_plane.becomes_ready().await?;
        Ok(Self { control_plane, pods, name: name.to_owned() })
    }

    /// Whether it says that it leads.
    pub async fn leads(&self) -> Result<bool> {
        Ok(self.control_plane.metric("evenkeel_leader").await? == Some(1.0))
    }

    /// Waits until it leads.
    pub async fn becomes_leader(&self) -> Result<()> {
        let what = format!("{} to lead", self.name);
        wait::until(&what, PATIENCE, async || self.leads().await, |leads| *leads).await.map(drop)
    }

    /// Waits until its pod has the label, or has it no more.
    pub async fn is_labelled(&self, expected: bool) -> Result<()> {
        let labelled = async || {
            let labels: BTreeMap<_, _> = self.pods.get(&self.name).await?.metadata.labels.unwrap_or_default();
            Ok(labels.get(LABEL).is_some_and(|value| value == "true"))
        };
        let what = format!("the label of {} to be {expected}", self.name);
        wait::until(&what, PATIENCE, labelled, |labelled| *labelled == expected).await.map(drop)
    }
}

/// The first leads.
pub async fn two(cluster: &Cluster) -> Result<(Replica, Replica)> {
    let first = Replica::start(cluster, "evenkeel-1").await?;
    first.becomes_leader().await?;
    let second = Replica::start(cluster, "evenkeel-2").await?;
    first.is_labelled(true).await?;
    second.is_labelled(false).await?;
    ensure!(first.leads().await? && !second.leads().await?);
    Ok((first, second))
}

fn pod(name: &str) -> Result<Pod> {
    let container = json!({"name": "evenkeel", "image": "evenkeel"});
    let object = json!({"metadata": {"name": name}, "spec": {"nodeName": "node-1", "containers": [container]}});
    Ok(serde_json::from_value(object)?)
}
