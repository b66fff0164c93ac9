//! A cluster with Istio's custom resources and ours, and the account of the control plane.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use evenkeel::policy::ConnectionPolicy;
use evenkeel_bed::istio::custom_resource_definitions;
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::kubernetes::{ApiServer, CONTROL_PLANE_ACCOUNT, Kubernetes};
use evenkeel_tests::wait;
use kube::CustomResourceExt;
use tempfile::TempDir;

/// How long a change may take that should be there at once, on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

const SHOP: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80}]}}
";

/// A quick election, so that a test does not wait for what it does not look at.
const FLAGS: [&str; 6] = [
    "--policies-from-cluster",
    "--filter-address=127.0.0.1:0",
    "--leader-election-namespace=evenkeel",
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];

/// A cluster without pods: what is made for a policy does not depend on them.
pub struct Bed {
    pub kubernetes: Kubernetes,
    folder: TempDir,
}

impl Bed {
    /// Without our custom resource, and with Istio's.
    pub async fn without_policies() -> Result<Self> {
        let kubernetes = Kubernetes::start().await?;
        kubernetes.create_control_plane_account().await?;
        kubernetes.apply(&fs::read_to_string(custom_resource_definitions()?)?).await?;
        kubernetes.apply(SHOP).await?;
        let bed = Self { kubernetes, folder: tempfile::tempdir()? };
        bed.release_filter(b"")?;
        Ok(bed)
    }

    /// The filter that control planes serve which are started from now on, with this content. Nobody runs it: what counts
    /// is that there is something to name.
    pub fn release_filter(&self, content: &[u8]) -> Result<()> {
        Ok(fs::write(self.filter(), [&b"\0asm\x01\0\0\0"[..], content].concat())?)
    }

    fn filter(&self) -> PathBuf {
        self.folder.path().join("filter.wasm")
    }

    /// With both.
    pub async fn start() -> Result<Self> {
        let bed = Self::without_policies().await?;
        bed.install_policies().await?;
        Ok(bed)
    }

    /// With a control plane, and the policy `caps` for the Service `cart` carried out.
    pub async fn with_policy(sections: &str) -> Result<(Self, ControlPlane)> {
        let bed = Self::start().await?;
        let control_plane = bed.control_plane().await?;
        bed.apply_policy("caps", "cart", sections).await?;
        bed.is_programmed("caps").await?;
        Ok((bed, control_plane))
    }

    /// Installs our custom resource as it is shipped.
    pub async fn install_policies(&self) -> Result<()> {
        self.kubernetes.apply(&serde_json::to_string(&ConnectionPolicy::crd())?).await?;
        let list = async || self.policies().list(&kube::api::ListParams::default()).await.map_err(Into::into);
        wait::until("ConnectionPolicies to be served", PATIENCE, list, |_| true).await.map(drop)
    }

    /// A control plane that carries out policies.
    pub async fn control_plane(&self) -> Result<ControlPlane> {
        self.control_plane_at(&self.kubernetes.api_server, &[]).await
    }

    /// The same, by another API server and with more flags.
    pub async fn control_plane_at(&self, api_server: &ApiServer, flags: &[&str]) -> Result<ControlPlane> {
        let kubeconfig = self.kubernetes.kubeconfig_for(CONTROL_PLANE_ACCOUNT, api_server).await?;
        let module = format!("--filter-module={}", self.filter().display());
        let flags = [&FLAGS[..], &[module.as_str()], flags].concat();
        let mut control_plane = ControlPlane::launch_in_cluster(&kubeconfig, &flags).await?;
        control_plane.becomes_ready().await?;
        Ok(control_plane)
    }
}
