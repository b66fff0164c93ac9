//! A policy as Istio objects.
//!
//! What goes in, and why in this form, was measured on a real istiod with real Envoys:
//! - Filters are delivered by extension discovery with a default that does nothing. An edit keeps the VM, reaches live
//!   connections and drains nobody; a missing or broken module leaves traffic alone.
//! - To add or remove a filter drains each connection of its chain once. So a chain has one of two forms, with and without
//!   `evenkeel.request`, and every number is in the discovered configuration.
//! - The connection manager is not merged into: that would drain as well, and Envoy's own `drain_timeout` serves.
//! - Each destination whose endpoints come from the control plane has an object of its own, so that it can go alone: then
//!   the proxies are back on istiod's endpoints within a second.

pub(crate) mod cluster;
mod endpoints;
pub(crate) mod filters;
mod mutual_tls;
mod plugin;
mod release;

use super::ConnectionPolicy;
use crate::model::ServiceName;
use crate::rebalance::Section;
use evenkeel_filter_core::settings::{ClusterName, Group};
use evenkeel_filter_core::{Rebalance, Settings, Signal};
pub use filters::{CONNECTION, REQUEST};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::ObjectMeta;
pub use release::{ControlPlane, IstioVersion, Module, Release, ReleaseError};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::iter;

/// Istio's resource that changes the configuration of proxies.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvoyFilter {
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
}

/// The objects that carry out the policy for the pods of its Service. The same bytes each time.
///
/// # Errors
/// When the Service selects no pods.
pub fn render(
    policy: &ConnectionPolicy,
    service: &Service,
    release: &Release,
) -> Result<Vec<EnvoyFilter>, RenderError> {
    let name = ServiceName::new(service.namespace().unwrap_or_default(), service.name_any());
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone()).filter(|labels| !labels.is_empty());
    let selector = selector.ok_or_else(|| RenderError::NoSelector(name.clone()))?;
    let own_name = format!("evenkeel-{}", policy.name_any());
    let object = |name: String, patches: &[Value]| EnvoyFilter::new(policy.namespace(), name, &selector, patches);
    let section = policy.spec.endpoints.as_ref();
    let destinations = section.map(endpoints::patches).unwrap_or_default().into_iter();
    let destinations = destinations.map(|(suffix, patch)| object(format!("{own_name}-{suffix}"), &[patch]));
    let mut patches = Chain::of(policy, &name)?.map(|chain| chain.patches(release)).unwrap_or_default();
    patches.extend(section.map(|_| cluster::for_endpoints(&release.control_plane)));
    Ok(iter::once(object(own_name.clone(), &patches)).chain(destinations).collect())
}

impl EnvoyFilter {
    fn new(namespace: Option<String>, name: String, selector: &BTreeMap<String, String>, patches: &[Value]) -> Self {
        let labels = Some([("app.kubernetes.io/managed-by".to_owned(), "evenkeel".to_owned())].into());
        let metadata = ObjectMeta { name: Some(name), namespace, labels, ..ObjectMeta::default() };
        // A priority, so that the order among EnvoyFilters does not hang on when each was created.
        let spec = json!({"workloadSelector": {"labels": selector}, "priority": 10, "configPatches": patches});
        Self { api_version: "networking.istio.io/v1alpha3", kind: "EnvoyFilter", metadata, spec }
    }
}

/// What a proxy's inbound filter chains get.
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
        let mut patches = plugin::patches(&self.settings, self.sees_requests, &release.module);
        for context in ["SIDECAR_INBOUND", "GATEWAY"] {
            patches.extend(filters::patches(context, self.sees_requests));
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
