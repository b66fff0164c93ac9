//! A policy as one `WasmPlugin`, for operators who may not write `EnvoyFilter`s: caps on accepted connections alone.
//!
//! A `WasmPlugin` adds one filter and nothing else, so nothing would drain what the filter marks. Its module is another one,
//! which tells clients by what is written to them (`filter/src/write_injection.rs`).

use super::filters::CONNECTION;
use super::{IstioObject, Module, RenderError, plugin, selector};
use crate::policy::ConnectionPolicy;
use evenkeel_filter_core::{Inbound, Settings};
use k8s_openapi::api::core::v1::Service;
use serde::Serialize;
use serde_json::{Value, json};

/// What the pods of a Service have. Istio counts a gateway's listeners as those of a client, and without a choice a sidecar
/// would have the filter for what its own pod sends as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxies {
    /// Sidecars: connections that come to the pod.
    Sidecars,
    /// Gateways: all connections.
    Gateways,
}

/// The object that carries out the policy for the pods of its Service, with the module that has caps alone. The same bytes
/// each time.
///
/// # Errors
/// When the Service selects no pods, or the policy says anything that a `WasmPlugin` cannot do.
pub fn wasm_plugin(
    policy: &ConnectionPolicy,
    service: &Service,
    proxies: Proxies,
    module: &Module,
) -> Result<IstioObject, RenderError> {
    let settings = Settings { inbound: Some(caps(policy)?), ..Settings::default() };
    let spec = json!({
        "selector": {"matchLabels": selector(service)?},
        "match": [{"mode": mode(proxies)}],
        "type": "NETWORK",
        "pluginName": CONNECTION,
        "url": module.url,
        "sha256": module.sha256,
        "failStrategy": plugin::failure_policy(module),
        "pluginConfig": settings,
    });
    Ok(IstioObject::new(("extensions.istio.io/v1alpha1", "WasmPlugin"), "", spec).of(policy))
}

fn mode(proxies: Proxies) -> &'static str {
    match proxies {
        Proxies::Sidecars => "SERVER",
        Proxies::Gateways => "CLIENT",
    }
}

/// What the policy says, if it says nothing else.
fn caps(policy: &ConnectionPolicy) -> Result<Inbound, RenderError> {
    let spec = &policy.spec;
    let grace = spec.inbound.as_ref().filter(|inbound| inbound.stream_grace.is_some());
    let grace = grace.map(|inbound| json!(inbound)["streamGrace"].clone());
    let others = [
        refused("rebalance", spec.rebalance.as_ref(), "needs a cluster that no WasmPlugin can add: take it away"),
        refused("outbound", spec.outbound.as_ref(), "needs HTTP filters that no WasmPlugin can add: take it away"),
        refused("endpoints", spec.endpoints.as_ref(), "changes clusters, which no WasmPlugin can: take it away"),
        refused("inbound.streamGrace", grace.as_ref(), "needs a filter that sees streams end: take it away"),
    ];
    if let Some(refused) = others.into_iter().flatten().next() {
        return Err(refused);
    }
    let inbound = spec.inbound.filter(|inbound| inbound.max_age.is_some() || inbound.max_requests.is_some());
    let why = "has no cap, and a WasmPlugin does nothing else: set `maxAge` or `maxRequests`";
    inbound.ok_or_else(|| refusal("inbound", &json!(spec.inbound), why))
}

fn refused(field: &'static str, value: Option<&impl Serialize>, why: &'static str) -> Option<RenderError> {
    value.map(|value| refusal(field, &json!(value), why))
}

fn refusal(field: &'static str, value: &Value, why: &'static str) -> RenderError {
    RenderError::NotForWasmPlugin { field, value: value.to_string(), why }
}

#[cfg(test)]
mod tests;
