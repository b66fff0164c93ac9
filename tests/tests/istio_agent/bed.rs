//! A mesh with mutual TLS, and a gateway in front of two pods.

use std::time::Duration;

use anyhow::Result;
use evenkeel::policy::ConnectionPolicy;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::envoy::Envoy;
use evenkeel_tests::istio::{Istiod, Mesh};
use evenkeel_tests::kubernetes::{Kubernetes, Node, Pods};
use evenkeel_tests::wait;
use kube::CustomResourceExt;

use super::gateway;

/// How long a change may take that should be there at once, on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Proxies only report. Connections stay until they are a day old.
pub const REPORTS: &str = "inbound: {maxAge: 24h}, rebalance: {mode: observe}";
/// Proxies report, and take the endpoints of the pods behind the gateway from the control plane.
pub const REPORTS_AND_ENDPOINTS: &str = "inbound: {maxAge: 24h}, rebalance: {mode: observe},
  endpoints: {destinations: [{host: cart.shop.svc.cluster.local, port: 80}]}";

const SHOP: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: gateway, namespace: shop}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: stranger, namespace: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}]}}
";

/// What runs whatever the test is about.
pub struct Bed {
    pub kubernetes: Kubernetes,
    pub istiod: Istiod,
    _pods: Pods,
}

impl Bed {
    /// Starts it, with the pod of the gateway and without its proxy.
    pub async fn start() -> Result<Self> {
        let kubernetes = Kubernetes::start().await?;
        kubernetes.create_control_plane_account().await?;
        kubernetes.apply(SHOP).await?;
        let node = Node::new(1);
        node.apply(&kubernetes).await?;
        let mut pods = Pods::new(&kubernetes, "shop", "cart", std::slice::from_ref(&node))?;
        pods.scale(2).await?;
        let istiod = Istiod::start_for(&kubernetes, Mesh::MutualTls).await?;
        install_policies(&kubernetes).await?;
        gateway::create(&kubernetes, &node).await?;
        Ok(Self { kubernetes, istiod, _pods: pods })
    }

    /// The gateway's proxy, with certificates for this account.
    pub async fn gateway(&self, account: &str) -> Result<Envoy> {
        gateway::agent(account).start(&self.kubernetes, EnvoyVersion::NEWEST).await
    }

    /// What an operator writes under `spec`, beside the target.
    pub async fn apply_policy(&self, sections: &str) -> Result<()> {
        let policy = format!(
            "{{apiVersion: evenkeel.dev/v1alpha1, kind: ConnectionPolicy, metadata: {{name: gateway, namespace: shop}},
               spec: {{targetRefs: [{{kind: Service, name: gateway}}], {sections}}}}}"
        );
        self.kubernetes.apply(&policy).await
    }
}

async fn install_policies(kubernetes: &Kubernetes) -> Result<()> {
    kubernetes.apply(&serde_json::to_string(&ConnectionPolicy::crd())?).await?;
    let policies: kube::Api<ConnectionPolicy> = kube::Api::all(kubernetes.client());
    let list = async || policies.list(&kube::api::ListParams::default()).await.map_err(Into::into);
    wait::until("ConnectionPolicies to be served", PATIENCE, list, |_| true).await.map(drop)
}
