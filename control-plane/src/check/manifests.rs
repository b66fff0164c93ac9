//! EK10: objects for Istio that were not applied yet: the output of `helm template` or `evenkeel render`.

mod chain;
mod patch;
mod references;

use super::envoy::Plugin;
use super::finding::{Finding, Place, rules};
use super::installation::is_root;
use super::message::{at, has, list, text};
use super::{drain, plugin, sorted};
use crate::policy::manifests::{ManifestError, Manifests};
use crate::policy::render::filters::{CONNECTION, OUTBOUND};
use patch::Patch;
use serde_json::Value;

rules! {
    NO_PRIORITY "EK1001" Warning "an EnvoyFilter has no priority"
        "Its place among other EnvoyFilters hangs on when each was created, and `istioctl analyze` warns (IST0151)."
        "Set `spec.priority: 10`, or what comes after your other EnvoyFilters.";
    NO_SELECTOR "EK1002" Warning "an EnvoyFilter selects every proxy"
        "Without a selector it is for all pods of its namespace, in Istio's root namespace for all of the mesh."
        "Set `spec.workloadSelector.labels` to those of the Service's pods, or `spec.targetRefs`.";
    NO_CONTEXT "EK1003" Warning "a filter is inserted in every direction"
        "Without `match.context` it comes into the chains of outbound connections as well."
        "Set `match.context` to `SIDECAR_INBOUND` or `GATEWAY`, one patch for each.";
    NO_CLUSTER "EK1004" Error "clusters are changed without saying which"
        "Envoy refuses `eds_cluster_config` in BlackHoleCluster and others whose endpoints are not discovered."
        "Set `match.cluster.name` to one cluster, such as `outbound|80||cart.shop.svc.cluster.local`.";
    WRONG_ANCHOR "EK1005" Error "a filter is not inserted where it works"
        "`evenkeel.connection` works only before the HTTP connection manager, the HTTP filters only before the router."
        "Set `operation: INSERT_BEFORE`, and in `match.listener.filterChain.filter` the name `envoy.filters.network.http_connection_manager`, for HTTP filters with `subFilter.name: envoy.filters.http.router`.";
    NO_EXTENSION "EK1006" Error "a filter discovers a configuration that nobody adds"
        "Its default stays in force, which does nothing."
        "Add a patch with `applyTo: EXTENSION_CONFIG`, `operation: ADD` and this name.";
    MERGES_MANAGER "EK1007" Warning "the HTTP connection manager is changed"
        "Each edit of it drains every connection of the chain."
        "Leave it as it is: Evenkeel needs nothing of it, and Envoy's own `drain_timeout` serves.";
    WIPES_PROTOCOL "EK1008" Error "a cluster's protocol is lost"
        "A merge replaces the whole of `HttpProtocolOptions`, and with it istiod's choice between HTTP/1.1 and HTTP/2."
        "Set idle timeouts and request limits by a DestinationRule's `connectionPool`.";
    BAD_MANIFEST "EK1009" Error "a manifest cannot be read"
        "The API server refuses it, or nobody acts on it."
        "Correct the field that the message names.";
}

/// What is wrong with these YAML documents, the worst first, and how many of them matter here. Those of other kinds are
/// passed over.
///
/// # Errors
/// When the text is not YAML.
pub fn check(text: &str) -> Result<(usize, Vec<Finding>), ManifestError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| ManifestError::Yaml(error.to_string()))?;
    let ours: Vec<Object<'_>> = documents.iter().filter_map(Object::of).collect();
    let policies = documents.iter().filter(|document| self::text(document, "kind") == "ConnectionPolicy").count();
    let unread = Manifests::parse(text).err().map(|error| BAD_MANIFEST.at(&Place::default(), error.to_string()));
    let mut found: Vec<Finding> = ours.iter().flat_map(|object| object.findings(&ours)).collect();
    found.extend(unread);
    Ok((ours.len() + policies, sorted(found)))
}

/// An EnvoyFilter that has something of ours.
struct Object<'a> {
    place: Place,
    spec: &'a Value,
    patches: Vec<Patch<'a>>,
}

impl<'a> Object<'a> {
    fn of(document: &'a Value) -> Option<Self> {
        let name = ["metadata/namespace", "metadata/name"].map(|field| text(document, field)).join("/");
        let manifest = format!("EnvoyFilter {}", name.trim_start_matches('/'));
        let patches = list(document, "spec/configPatches").iter().enumerate();
        let patches: Vec<Patch<'_>> = patches.map(|(position, patch)| Patch::new(patch, &manifest, position)).collect();
        let place = Place { manifest, ..Place::default() };
        let is_ours = text(document, "kind") == "EnvoyFilter" && patches.iter().any(Patch::is_ours);
        is_ours.then(|| Self { place, spec: at(document, "spec"), patches })
    }

    fn findings(&self, all: &[Object<'_>]) -> Vec<Finding> {
        let priority = (!has(self.spec, "priority")).then(|| NO_PRIORITY.at(&self.place, "spec.priority is absent"));
        let selects = has(self.spec, "workloadSelector/labels") || has(self.spec, "targetRefs");
        let selector =
            (!selects).then(|| NO_SELECTOR.at(&self.place, "spec.workloadSelector and spec.targetRefs are absent"));
        let mut found: Vec<Finding> = priority.into_iter().chain(selector).collect();
        found.extend(self.patches.iter().flat_map(Patch::findings));
        found.extend(plugin::apart(&self.plugins()));
        found.extend(references::findings(self, all));
        found.extend(self.chains());
        found
    }

    fn plugins(&self) -> Vec<(Place, Plugin<'a>)> {
        self.patches.iter().filter_map(Patch::plugin).collect()
    }

    /// What the chains of each context would lack, or have in a wrong order.
    fn chains(&self) -> Vec<Finding> {
        let plugin = self.plugins().into_iter().find(|(place, plugin)| is_root(CONNECTION, &place.filter, *plugin));
        let settings = plugin.and_then(|(_, plugin)| plugin.settings().ok());
        let needs = settings.map(|settings| drain::needs_requests(&settings)).unwrap_or_default();
        let inserted = self.patches_for("NETWORK_FILTER", CONNECTION);
        let mut found: Vec<Finding> =
            inserted.flat_map(|connection| chain::findings(connection, &self.patches, &needs)).collect();
        let keys = self.patches_for("HTTP_FILTER", OUTBOUND);
        found.extend(keys.filter_map(|outbound| chain::of_keys(outbound, &self.patches)));
        let configurations = self.patches_for("EXTENSION_CONFIG", OUTBOUND);
        found.extend(configurations.filter_map(|configuration| chain::of_destinations(configuration, &self.patches)));
        found
    }

    /// Those for a kind of thing, of this name.
    fn patches_for(&self, kind: &'static str, name: &'static str) -> impl Iterator<Item = &Patch<'a>> {
        self.patches.iter().filter(move |patch| patch.applies_to() == kind && patch.name() == name)
    }
}

#[cfg(test)]
mod tests;
