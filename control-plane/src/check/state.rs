//! EK08: what Envoy itself refuses, and whether it is new enough.

use super::envoy::Envoy;
use super::finding::{Finding, Place, rules};

rules! {
    LISTENER_REFUSED "EK0801" Error "Envoy has refused a listener"
        "What was in force before stays; a new Envoy has no such listener at all."
        "Correct what the message names: mostly a filter that this Envoy does not have, or two EnvoyFilters that contradict each other.";
    CLUSTER_REFUSED "EK0802" Error "Envoy has refused a cluster"
        "What was in force before stays; a new Envoy has no such cluster, and answers 503 for it."
        "Correct what the message names.";
    WARMING "EK0803" Warning "a listener waits before it takes connections"
        "It waits for routes, certificates or the configuration of a filter. After `initial_fetch_timeout` it goes on, with 0 never."
        "Look at what it discovers: the control plane of the mesh, or files that do not exist.";
    OLD_ENVOY "EK0804" Error "this Envoy is too old"
        "Before 1.37 (Istio 1.29) a Lua filter cannot drain connections: what is marked stays."
        "Update to Envoy 1.37 or newer, Istio 1.29 or newer.";
    UNKNOWN_ENVOY "EK0805" Info "the version of this Envoy is not known"
        "Envoy 1.37 is the oldest that works."
        "Save the whole answer to GET /config_dump?include_eds: the section BootstrapConfigDump is missing.";
}

const OLDEST: (u64, u64) = (1, 37);

/// What is wrong.
pub fn findings(envoy: &Envoy) -> Vec<Finding> {
    let mut found: Vec<Finding> = version(envoy).into_iter().collect();
    for listener in envoy.listeners() {
        let place = Place::listener(listener.name());
        match listener.error() {
            "" if listener.is_warming() => found.push(WARMING.at(&place, "it is warming")),
            "" => {}
            error => found.push(LISTENER_REFUSED.at(&place, error)),
        }
    }
    // A refused update is told of twice: beside what is in force, and by itself.
    found.sort_by(|a, b| a.place.cmp(&b.place));
    found.dedup();
    let refused = envoy.clusters().into_iter().filter(|cluster| !cluster.error().is_empty());
    found.extend(refused.map(|cluster| CLUSTER_REFUSED.at(&Place::cluster(cluster.name()), cluster.error())));
    found
}

fn version(envoy: &Envoy) -> Option<Finding> {
    let node = envoy.node();
    let Some((major, minor)) = node.version() else {
        return Some(UNKNOWN_ENVOY.at(&Place::default(), "the dump does not say it"));
    };
    let istio = node.istio_version();
    let istio = if istio.is_empty() { String::new() } else { format!(" (Istio {istio})") };
    ((major, minor) < OLDEST).then(|| OLD_ENVOY.at(&Place::default(), format!("it is {major}.{minor}{istio}")))
}
