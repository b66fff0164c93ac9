//! Clusters that take their endpoints from the control plane.
//!
//! - `DELTA_GRPC`: the other protocol is refused for a server that is itself discovered.
//! - One object per destination, always with the name of a cluster: two that change one cluster append to its list of servers,
//!   and a change of all clusters would meet those that take no endpoints.
//! - Short waits between attempts: with one of two replicas gone the default ones last longer than the fetch time-out.

use super::cluster::ENDPOINTS;
use crate::policy::endpoints::{Destination, Endpoints};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// The patch of each destination, with what its object is called beside the policy.
pub fn patches(section: &Endpoints) -> Vec<(String, Value)> {
    let wait = section.fetch_timeout();
    let destinations: BTreeSet<&Destination> = section.destinations.iter().collect();
    destinations.into_iter().map(|destination| (suffix(destination), patch(destination, wait))).collect()
}

fn suffix(destination: &Destination) -> String {
    let Destination { host, port, subset } = destination;
    let subset = if subset.is_empty() { String::new() } else { format!("{subset}.") };
    format!("{port}-{subset}{host}")
}

fn patch(destination: &Destination, wait: Duration) -> Value {
    json!({
        "applyTo": "CLUSTER",
        "match": {"context": "ANY", "cluster": {"name": destination.cluster().to_string()}},
        "patch": {"operation": "MERGE", "value": {"eds_cluster_config": {"eds_config": source(wait)}}},
    })
}

fn source(wait: Duration) -> Value {
    let retry = json!({"retry_back_off": {"base_interval": "0.1s", "max_interval": "2s"}});
    let service = json!({"envoy_grpc": {"cluster_name": ENDPOINTS, "retry_policy": retry}});
    json!({
        "initial_fetch_timeout": format!("{}s", wait.as_secs_f64()),
        "resource_api_version": "V3",
        "api_config_source": {
            "api_type": "DELTA_GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": true,
            "grpc_services": [service],
        },
    })
}
