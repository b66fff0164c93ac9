//! One proxy of a mesh, and what is behind it.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use evenkeel::policy::render::{CONNECTION, IstioVersion, Release};
use evenkeel_bed::artifact;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::envoy::Envoy;
use evenkeel_tests::istio::{Istiod, Proxy};
use evenkeel_tests::kubernetes::{Kubernetes, Node, Pods};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams};
use serde_json::Value;

use super::place::Place;
use super::policy;

const SHOP: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}]}}
";

/// An istiod, two pods, and one proxy.
pub struct Mesh {
    pub istiod: Istiod,
    pub proxy: Envoy,
    place: Place,
    version: EnvoyVersion,
    dns: Option<SocketAddr>,
    pub pods: Pods,
    pub kubernetes: Kubernetes,
}

impl Mesh {
    /// Starts everything, without a policy.
    pub async fn start(place: Place, version: EnvoyVersion) -> Result<Self> {
        Self::start_with(place, version, None).await
    }

    /// The same, with this name server for the proxy.
    pub async fn start_with(place: Place, version: EnvoyVersion, dns: Option<SocketAddr>) -> Result<Self> {
        let kubernetes = Kubernetes::start().await?;
        kubernetes.apply(SHOP).await?;
        let node = Node::new(1);
        node.apply(&kubernetes).await?;
        let mut pods = Pods::new(&kubernetes, "shop", "cart", &[node])?;
        pods.scale(2).await?;
        let istiod = Istiod::start(&kubernetes).await?;
        kubernetes.apply(place.objects()).await?;
        let proxy = Proxy { dns, ..place.proxy() }.start(version).await?;
        Ok(Self { istiod, proxy, place, version, dns, pods, kubernetes })
    }

    /// Another proxy in the place of the first.
    pub async fn replace_proxy(self) -> Result<Self> {
        drop(self.proxy);
        let proxy = Proxy { dns: self.dns, ..self.place.proxy() };
        Ok(Self { proxy: proxy.start(self.version).await?, ..self })
    }

    /// The connections that a cap (`age` or `requests`) has drained; none while the filter is not there.
    pub async fn drains(&self, cap: &str) -> u64 {
        self.proxy.stat(&format!("wasmcustom.evenkeel.drains_{cap}")).await.unwrap_or_default()
    }

    /// Whether a listener of the proxy has the filter of accepted connections.
    pub async fn has_filter(&self) -> Result<bool> {
        self.has(CONNECTION).await
    }

    /// Whether a listener of the proxy has a filter. Listeners that drain do not count.
    pub async fn has(&self, filter: &str) -> Result<bool> {
        let dump = self.proxy.admin("/config_dump?resource=dynamic_listeners").await?;
        let dump: Value = serde_json::from_str(&dump)?;
        let listeners = dump["configs"].as_array().context("no listeners")?;
        Ok(listeners.iter().any(|listener| listener["active_state"].to_string().contains(filter)))
    }

    /// What an operator writes under `spec`, beside the target.
    pub async fn apply_policy(&self, sections: &str) -> Result<()> {
        self.apply_with(sections, &artifact::wasm()?).await
    }

    /// The same, with another file as the module.
    pub async fn apply_with(&self, sections: &str, module: &Path) -> Result<()> {
        self.apply_release(sections, &policy::release(IstioVersion::V1_31, module)?).await
    }

    /// As [`Self::apply_policy`], by a `WasmPlugin`.
    pub async fn apply_wasm_plugin(&self, sections: &str) -> Result<()> {
        self.kubernetes.apply(&policy::wasm_plugin(self.place, sections, &artifact::caps_wasm()?)?).await
    }

    /// As [`Self::apply_policy`], with a control plane that proxies report to over mutual TLS.
    pub async fn apply_secured(&self, sections: &str) -> Result<()> {
        self.apply_release(sections, &policy::secured(IstioVersion::V1_31, &artifact::wasm()?)?).await
    }

    async fn apply_release(&self, sections: &str, release: &Release) -> Result<()> {
        for object in policy::rendered(self.place, sections, release)? {
            self.kubernetes.apply(&object).await?;
        }
        Ok(())
    }

    /// Removes what policies have become.
    pub async fn remove_policy(&self) -> Result<()> {
        for (group, version, kind) in [
            ("networking.istio.io", "v1alpha3", "EnvoyFilter"),
            ("networking.istio.io", "v1", "DestinationRule"),
            ("extensions.istio.io", "v1alpha1", "WasmPlugin"),
        ] {
            let ours = ListParams::default().labels("app.kubernetes.io/managed-by=evenkeel");
            self.objects(group, version, kind).delete_collection(&DeleteParams::default(), &ours).await?;
        }
        Ok(())
    }

    /// Istio's objects in the namespace of the policy.
    fn objects(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.kubernetes.client(), self.place.service().0, &resource)
    }
}
