//! Connections that proxies open: their keys, and the rule by which those of replaced keys end.
//!
//! - Keys change by discovered configuration. That a destination comes or goes is an edit of it, so no chain drains.
//! - The idle time-out is a setting of the cluster. An `EnvoyFilter` that merges its HTTP options would take away istiod's choice
//!   of the protocol, so it is set by a `DestinationRule`, which only the policy's own pods follow.

use super::{Release, filters, plugin};
use crate::policy::outbound::{Outbound, idle_timeout};
use evenkeel_filter_core::Settings;
use evenkeel_filter_core::settings::{self, Destination};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The filters, and what they are told.
pub fn patches(section: &Outbound, release: &Release) -> Vec<Value> {
    let outbound = settings::Outbound { destinations: section.destinations.clone(), ..settings::Outbound::default() };
    let settings = Settings { outbound: Some(outbound), ..Settings::default() };
    let configuration = [plugin::outbound(&settings, &release.module)];
    configuration.into_iter().chain(["SIDECAR_OUTBOUND", "GATEWAY"].into_iter().flat_map(filters::outbound)).collect()
}

/// The specification of a destination's rule for pods with these labels.
pub fn rule(destination: &Destination, selector: &BTreeMap<String, String>) -> Value {
    let mut http = json!({"idleTimeout": format!("{}s", idle_timeout(destination).as_secs_f64())});
    // The field is signed: a cap that does not fit is the filter's alone.
    if let Some(most) = destination.max_requests.and_then(|most| i32::try_from(most.get()).ok()) {
        http["maxRequestsPerConnection"] = json!(most);
    }
    json!({
        "host": destination.host,
        "exportTo": ["."],
        "workloadSelector": {"matchLabels": selector},
        "trafficPolicy": {"connectionPool": {"http": http}},
    })
}
