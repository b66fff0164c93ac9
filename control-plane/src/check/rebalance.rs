//! EK07: reports to the control plane.

use super::endpoints::not_http2;
use super::envoy::{Envoy, Stats};
use super::finding::{Finding, Place, rules};
use super::installation::Installation;
use std::collections::BTreeSet;

rules! {
    NO_CLUSTER "EK0701" Error "the cluster that reports go to does not exist"
        "Without reports this proxy is silent: its group is never evened out."
        "Add the cluster (the rendered EnvoyFilter does: `applyTo: CLUSTER`, `operation: ADD`), or correct `rebalance.cluster` in the settings.";
    NO_HOST "EK0702" Error "the cluster that reports go to has no host"
        "Reports cannot be sent."
        "Look whether the name in its `load_assignment` is that of the control plane's Service, and whether that Service has a ready pod that leads (label evenkeel.dev/leader).";
    FAILING "EK0703" Warning "reports fail"
        "While the control plane cannot be reached only caps act."
        "Look at the control plane: `kubectl get pods -l app.kubernetes.io/name=evenkeel`, `evenkeel status`, and its log for reports that it does not trust.";
}

/// What is wrong.
pub fn findings(installation: &Installation<'_>) -> Vec<Finding> {
    let settings = installation.settings();
    let names = settings.iter().filter_map(|settings| settings.rebalance.as_ref());
    let names: BTreeSet<&str> = names.map(|rebalance| rebalance.cluster.as_str()).collect();
    let mut found: Vec<Finding> = names.iter().flat_map(|name| of_cluster(installation.envoy, name)).collect();
    if !names.is_empty() && found.is_empty() {
        found.extend(installation.envoy.stats.as_ref().and_then(failing));
    }
    found
}

fn of_cluster(envoy: &Envoy, name: &str) -> Vec<Finding> {
    let place = Place::cluster(name);
    let Some(cluster) = envoy.cluster(name) else {
        return vec![NO_CLUSTER.at(&place, "the settings name it in `rebalance.cluster`")];
    };
    let hosts = (cluster.hosts() == Some(0)).then(|| NO_HOST.at(&place, "the status of clusters shows no host of it"));
    let protocol = (!cluster.is_http2()).then(|| not_http2(&cluster));
    hosts.into_iter().chain(protocol).collect()
}

/// More often than not, since the start.
fn failing(stats: &Stats) -> Option<Finding> {
    let get = |stat: &str| stats.get(&format!("wasmcustom.evenkeel.{stat}"));
    let (sent, failed) = (get("reports_sent")?, get("reports_failed").unwrap_or_default());
    let fails = failed > 0 && failed * 2 > sent;
    fails.then(|| FAILING.at(&Place::default(), format!("{failed} of {sent} reports have failed")))
}
