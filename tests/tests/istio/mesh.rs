//! A gateway of a mesh and what is behind it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use evenkeel::policy::render::{CONNECTION, IstioVersion};
use evenkeel_bed::artifact;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::envoy::Envoy;
use evenkeel_tests::istio::{Istiod, Proxy, ROOT_NAMESPACE, Role};
use evenkeel_tests::kubernetes::{Kubernetes, Node, Pods};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind};
use serde_json::Value;

use super::policy::{self, SERVICE};

/// Where the gateway's pod serves.
pub const GATEWAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 244, 100, 1)), 8080);

const SHOP: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}]}}
";
const ROUTES: &str = "
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gateway, namespace: istio-system}, spec: {
  selector: {istio: gateway},
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, bind: 10.244.100.1, hosts: ['*']}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: cart, namespace: istio-system}, spec: {
  hosts: ['*'], gateways: [gateway],
  http: [{route: [{destination: {host: cart.shop.svc.cluster.local, port: {number: 80}}}]}]}}
";

/// One gateway in front of two pods.
pub struct Mesh {
    pub istiod: Istiod,
    pub gateway: Envoy,
    version: EnvoyVersion,
    _pods: Pods,
    kubernetes: Kubernetes,
}

impl Mesh {
    /// Starts everything, without a policy.
    pub async fn start(version: EnvoyVersion) -> Result<Self> {
        let kubernetes = Kubernetes::start().await?;
        kubernetes.apply(SHOP).await?;
        let node = Node::new(1);
        node.apply(&kubernetes).await?;
        let mut pods = Pods::new(&kubernetes, "shop", "cart", &[node])?;
        pods.scale(2).await?;
        let istiod = Istiod::start(&kubernetes).await?;
        kubernetes.apply(SERVICE).await?;
        kubernetes.apply(ROUTES).await?;
        let gateway = proxy().start(version).await?;
        Ok(Self { istiod, gateway, version, _pods: pods, kubernetes })
    }

    /// The connections that the cap on age has drained; none while the filter is not there.
    pub async fn drains_by_age(&self) -> u64 {
        self.gateway.stat("wasmcustom.evenkeel.drains_age").await.unwrap_or_default()
    }

    /// Whether the gateway's listener has the filter. Listeners that drain do not count.
    pub async fn has_filter(&self) -> Result<bool> {
        let dump = self.gateway.admin("/config_dump?resource=dynamic_listeners").await?;
        let dump: Value = serde_json::from_str(&dump)?;
        let listeners = dump["configs"].as_array().context("no listeners")?;
        Ok(listeners.iter().any(|listener| listener["active_state"].to_string().contains(CONNECTION)))
    }

    /// What an operator writes under `spec`, beside the target.
    pub async fn apply_policy(&self, sections: &str) -> Result<()> {
        self.apply_with(sections, &artifact::wasm()?).await
    }

    /// The same, with another file as the module.
    pub async fn apply_with(&self, sections: &str, module: &Path) -> Result<()> {
        for object in policy::rendered(sections, IstioVersion::V1_31, module)? {
            self.kubernetes.apply(&object).await?;
        }
        Ok(())
    }

    /// Another gateway in the place of the first.
    pub async fn replace_gateway(self) -> Result<Self> {
        drop(self.gateway);
        Ok(Self { gateway: proxy().start(self.version).await?, ..self })
    }

    /// Removes what [`Self::apply_policy`] has applied.
    pub async fn remove_policy(&self) -> Result<()> {
        let kind = GroupVersionKind::gvk("networking.istio.io", "v1alpha3", "EnvoyFilter");
        let resource = ApiResource::from_gvk(&kind);
        let filters: Api<DynamicObject> = Api::namespaced_with(self.kubernetes.client(), ROOT_NAMESPACE, &resource);
        filters.delete("evenkeel-gateway", &DeleteParams::default()).await?;
        Ok(())
    }
}

fn proxy() -> Proxy {
    Proxy {
        role: Role::Router,
        address: GATEWAY.ip(),
        name: "gateway-0".to_owned(),
        namespace: ROOT_NAMESPACE.to_owned(),
        labels: [("istio".to_owned(), "gateway".to_owned())].into(),
        istio: "1.31.1".to_owned(),
    }
}
