//! What patches name and other patches have to add.

use super::{NO_EXTENSION, Object};
use crate::check::endpoints::NO_SERVER;
use crate::check::finding::Finding;
use crate::check::installation::XDS_CLUSTER;
use crate::check::message::has;
use crate::check::rebalance::NO_CLUSTER;
use std::collections::BTreeSet;

/// Whether a patch for this, of this name, is among the documents.
type Adds<'a> = &'a dyn Fn(&str, &str) -> bool;

/// What one object names and nothing adds.
pub fn findings(object: &Object<'_>, all: &[Object<'_>]) -> Vec<Finding> {
    let patches = || all.iter().flat_map(|object| &object.patches);
    let adds = |kind: &str, name: &str| patches().any(|patch| patch.applies_to() == kind && patch.name() == name);
    [extensions(object, &adds), clusters(object, &adds), servers(object, &adds)].concat()
}

fn extensions(object: &Object<'_>, adds: Adds<'_>) -> Vec<Finding> {
    let ours = object.patches.iter().filter(|patch| patch.is_ours() && has(patch.value(), "config_discovery"));
    let missing = ours.filter(|patch| !adds("EXTENSION_CONFIG", patch.name()));
    let seen = "no EXTENSION_CONFIG of this name is among the documents";
    missing.map(|patch| NO_EXTENSION.at(&patch.place, seen)).collect()
}

/// Those of the mesh are there without a patch.
fn clusters(object: &Object<'_>, adds: Adds<'_>) -> Vec<Finding> {
    let settings = object.plugins().into_iter().filter_map(|(_, plugin)| plugin.settings().ok()?.rebalance);
    let names: BTreeSet<String> = settings.map(|rebalance| rebalance.cluster.as_str().to_owned()).collect();
    let missing = names.into_iter().filter(|name| !name.starts_with("outbound|") && !adds("CLUSTER", name));
    missing
        .map(|name| NO_CLUSTER.at(&object.place, format!("the settings name {name:?}, and no patch adds it")))
        .collect()
}

fn servers(object: &Object<'_>, adds: Adds<'_>) -> Vec<Finding> {
    let taking = object.patches.iter().filter(|patch| patch.takes_endpoints());
    let missing = taking.filter(|_| !adds("CLUSTER", XDS_CLUSTER));
    missing.map(|patch| NO_SERVER.at(&patch.place, "no patch of the documents adds it")).collect()
}
