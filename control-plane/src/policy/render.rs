//! A policy as Istio objects.
//!
//! What goes in, and why in this form, was measured on a real istiod with real Envoys:
//! - Filters are delivered by extension discovery with a default that does nothing. An edit keeps the VM, reaches live
//!   connections and drains nobody; a missing or broken module leaves traffic alone.
//! - To add or remove a filter drains each connection of its chain once. So a chain has one of two forms, with and without
//!   `evenkeel.request`, and every number is in the discovered configuration.
//! - The connection manager is not merged into: that would drain as well, and Envoy's own `drain_timeout` serves.
//! - Connections that are opened have filters of their own, in chains of their own where the proxy is a sidecar.
//! - Each destination whose endpoints come from the control plane has an object of its own, so that it can go alone: then
//!   the proxies are back on istiod's endpoints within a second.

pub(crate) mod cluster;
mod endpoints;
pub(crate) mod filters;
mod mutual_tls;
mod outbound;
mod plugin;
mod release;
mod wasm_plugin;

use super::ConnectionPolicy;
use crate::model::ServiceName;
use crate::rebalance::Section;
use evenkeel_filter_core::settings::{ClusterName, Destination, Group, Host};
use evenkeel_filter_core::{Rebalance, Settings, Signal};
pub use filters::{CONNECTION, REQUEST};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::ObjectMeta;
pub use release::{ControlPlane, IstioVersion, Module, Release, ReleaseError};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::iter;
pub use wasm_plugin::{Proxies, wasm_plugin};

/// A resource of Istio: an `EnvoyFilter` or a `WasmPlugin`, which change the configuration of proxies, or a `DestinationRule`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IstioObject {
    api_version: &'static str,
    kind: &'static str,
    /// Its name, namespace and labels.
    pub metadata: ObjectMeta,
    spec: Value,
}

/// Why a policy cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// No Service has such a name.
    #[error("spec.targetRefs[0].name: {0}")]
    NoName(String),
    /// Nobody knows which pods are meant.
    #[error(
        "spec.targetRefs[0].name: Service {0} has no selector, so it has no pods of its own: name a Service that selects \
         the pods"
    )]
    NoSelector(ServiceName),
    /// A part of the policy is not for a `WasmPlugin`.
    #[error("spec.{field}: {value} {why}; or render the policy with `--as envoyfilter`")]
    NotForWasmPlugin {
        /// Below `spec`.
        field: &'static str,
        /// What the policy says there, as JSON.
        value: String,
        /// Why not, and what to change.
        why: &'static str,
    },
}

/// The objects that carry out the policy for the pods of its Service. The same bytes each time.
///
/// Of the hosts in `ruled` somebody else's `DestinationRule` ends the idle connections.
///
/// # Errors
/// When the Service selects no pods.
pub fn render(
    policy: &ConnectionPolicy,
    service: &Service,
    ruled: &BTreeSet<Host>,
    release: &Release,
) -> Result<Vec<IstioObject>, RenderError> {
    let (name, selector) = (name(service), selector(service)?);
    let destinations = policy.spec.endpoints.as_ref().map(endpoints::patches).unwrap_or_default().into_iter();
    let destinations = destinations.map(|(suffix, patch)| filter(&format!("-{suffix}"), &selector, &[patch]));
    let capped = policy.spec.outbound.iter().flat_map(|section| &section.destinations);
    let capped = capped.filter(|destination| !ruled.contains(&destination.host));
    let capped = capped.map(|destination| rule(destination, &selector));
    let own = filter("", &selector, &patches(policy, &name, release)?);
    Ok(iter::once(own).chain(destinations).chain(capped).map(|object| object.of(policy)).collect())
}

fn name(service: &Service) -> ServiceName {
    ServiceName::new(service.namespace().unwrap_or_default(), service.name_any())
}

/// The labels of the pods.
fn selector(service: &Service) -> Result<BTreeMap<String, String>, RenderError> {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone()).filter(|labels| !labels.is_empty());
    selector.ok_or_else(|| RenderError::NoSelector(name(service)))
}

/// All that has no object of its own.
fn patches(policy: &ConnectionPolicy, service: &ServiceName, release: &Release) -> Result<Vec<Value>, RenderError> {
    let mut patches = Chain::of(policy, service)?.map(|chain| chain.patches(release)).unwrap_or_default();
    patches.extend(policy.spec.outbound.iter().flat_map(|section| outbound::patches(section, release)));
    patches.extend(policy.spec.endpoints.as_ref().map(|_| cluster::for_endpoints(&release.control_plane)));
    Ok(patches)
}

/// With a priority, so that the order among `EnvoyFilter`s does not hang on when each was created.
fn filter(suffix: &str, selector: &BTreeMap<String, String>, patches: &[Value]) -> IstioObject {
    let spec = json!({"workloadSelector": {"labels": selector}, "priority": 10, "configPatches": patches});
    IstioObject::new(("networking.istio.io/v1alpha3", "EnvoyFilter"), suffix, spec)
}

fn rule(destination: &Destination, selector: &BTreeMap<String, String>) -> IstioObject {
    let spec = outbound::rule(destination, selector);
    IstioObject::new(("networking.istio.io/v1", "DestinationRule"), &format!("-{}", destination.host), spec)
}

impl IstioObject {
    fn new((api_version, kind): (&'static str, &'static str), suffix: &str, spec: Value) -> Self {
        let labels = Some([("app.kubernetes.io/managed-by".to_owned(), "evenkeel".to_owned())].into());
        let metadata = ObjectMeta { name: Some(suffix.to_owned()), labels, ..ObjectMeta::default() };
        Self { api_version, kind, metadata, spec }
    }

    /// With the name of its policy before its own, in the policy's namespace.
    fn of(mut self, policy: &ConnectionPolicy) -> Self {
        let suffix = self.metadata.name.unwrap_or_default();
        self.metadata.name = Some(format!("evenkeel-{}{suffix}", policy.name_any()));
        self.metadata.namespace = policy.namespace();
        self
    }
}

/// What the filter chains of accepted connections get.
struct Chain {
    settings: Settings,
    sees_requests: bool,
}

impl Chain {
    /// None for a policy that wants nothing of it.
    fn of(policy: &ConnectionPolicy, service: &ServiceName) -> Result<Option<Self>, RenderError> {
        let (inbound, rebalance) = (policy.spec.inbound, policy.spec.rebalance.as_ref());
        if inbound.is_none() && rebalance.is_none() {
            return Ok(None);
        }
        let by_requests = rebalance.is_some_and(|section| section.signal == Some(Signal::Requests));
        let sees_requests = by_requests || inbound.is_some_and(|inbound| inbound.sees_requests());
        let rebalance = rebalance.map(|section| reports(section, service)).transpose().map_err(RenderError::NoName)?;
        Ok(Some(Self { settings: Settings { inbound, rebalance, outbound: None }, sees_requests }))
    }

    fn patches(&self, release: &Release) -> Vec<Value> {
        let mut patches = plugin::inbound(&self.settings, self.sees_requests, &release.module);
        for context in ["SIDECAR_INBOUND", "GATEWAY"] {
            patches.extend(filters::inbound(context, self.sees_requests));
        }
        if self.settings.rebalance.is_some() {
            patches.push(cluster::for_reports(&release.control_plane));
        }
        patches
    }
}

/// What the filter is told of a group: the rest of the section is the control plane's.
fn reports(section: &Section, service: &ServiceName) -> Result<Rebalance, String> {
    let (group, cluster) = (Group::try_from(service.to_string())?, ClusterName::try_from(cluster::REBALANCE)?);
    let (max_rate, signal) = (section.max_rate.unwrap_or_default(), section.signal.unwrap_or_default());
    Ok(Rebalance { max_rate, signal, ..Rebalance::new(group, cluster) })
}

/// A message of this type, as JSON.
fn typed(message: &str, mut fields: Value) -> Value {
    fields["@type"] = json!(format!("type.googleapis.com/{message}"));
    fields
}

#[cfg(test)]
mod tests;
