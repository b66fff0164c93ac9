//! EK01: `evenkeel.connection` in the filter chains.

use super::finding::{Finding, Place, rules};
use super::installation::{Chain, Installation, Side};
use crate::policy::render::filters::CONNECTION;

rules! {
    NOT_INSTALLED "EK0101" Error "nothing of Evenkeel is in this Envoy"
        "Connections are neither capped nor moved."
        "Apply a ConnectionPolicy whose `targetRefs` names a Service of this pod (or its rendered EnvoyFilter, with a `workloadSelector` that matches the pod's labels); without Istio, add the filters as in filter/example/envoy.yaml.";
    MISSING "EK0102" Error "a filter chain that should have `evenkeel.connection` lacks it"
        "Connections of this chain are not counted, and never drained."
        "Insert `evenkeel.connection` before `envoy.filters.network.http_connection_manager` in this chain: in the EnvoyFilter `applyTo: NETWORK_FILTER`, `operation: INSERT_BEFORE`, without `portNumber` or `name` in the listener match.";
    AFTER_MANAGER "EK0103" Error "`evenkeel.connection` stands after the HTTP connection manager"
        "The connection manager ends the chain: a filter after it sees nothing."
        "Move `evenkeel.connection` before `envoy.filters.network.http_connection_manager` (`operation: INSERT_BEFORE` with that filter in the match).";
    TWICE "EK0104" Error "one of Evenkeel's filters is more than once in a filter chain"
        "Each copy counts every connection and request: limits are reached early, and reports are wrong."
        "Let one EnvoyFilter insert it: two policies select this pod, or an object of an earlier installation is still there (`kubectl get envoyfilters -A`).";
    NO_HTTP "EK0105" Warning "`evenkeel.connection` is in a filter chain that does not speak HTTP"
        "Connections there are counted and cannot be drained, so that reports are too high."
        "Match chains that have `envoy.filters.network.http_connection_manager` only.";
    HTTP3 "EK0106" Warning "HTTP/3 is served beside"
        "Network filters do not see QUIC connections: those are neither capped nor moved."
        "Take the listener for UDP away, or accept that its connections stay where they are.";
}

/// What is wrong.
pub fn findings(installation: &Installation<'_>) -> Vec<Finding> {
    if !installation.is_there() {
        return vec![
            NOT_INSTALLED.at(&Place::default(), "no filter chain, discovered configuration or cluster is Evenkeel's"),
        ];
    }
    installation.chains.iter().flat_map(|chain| of_chain(installation, chain)).collect()
}

fn of_chain(installation: &Installation<'_>, chain: &Chain<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = of_connection(installation, chain).into_iter().collect();
    found.extend(twice(chain));
    let inbound_is_taken =
        || installation.chains.iter().any(|other| !other.is_quic && other.side == Side::Inbound && other.has_ours());
    if chain.is_quic && chain.side == Side::Inbound && inbound_is_taken() {
        found.push(HTTP3.at(&chain.place, "the listener has `quic_options`"));
    }
    found
}

fn of_connection(installation: &Installation<'_>, chain: &Chain<'_>) -> Option<Finding> {
    let place = chain.place.filter(CONNECTION);
    match (chain.connection.first(), &chain.http) {
        (None, Some(_)) if installation.expects(chain) => Some(MISSING.at(&chain.place, lack(installation, chain))),
        (Some(at), Some((manager, _))) if at > manager => {
            Some(AFTER_MANAGER.at(&place, format!("it is at position {at}, the connection manager at {manager}")))
        }
        // Istio puts a `WasmPlugin` into chains of all protocols, and its module leaves those alone that it does not know.
        (Some(_), None) if chain.has_wasm_plugin() => None,
        (Some(_), None) => Some(NO_HTTP.at(&place, "the chain has no HTTP connection manager")),
        _ => None,
    }
}

fn lack(installation: &Installation<'_>, chain: &Chain<'_>) -> &'static str {
    if installation.needs_connection(chain) {
        "the chain has other filters of Evenkeel, which do nothing without it"
    } else {
        "other chains for the same connections have it, or settings for them were delivered"
    }
}

fn twice(chain: &Chain<'_>) -> Vec<Finding> {
    let mut lists = vec![(CONNECTION, &chain.connection)];
    if let Some((_, http)) = &chain.http {
        lists.extend([
            ("evenkeel.request", &http.request),
            ("evenkeel.drain", &http.drain),
            ("evenkeel.outbound", &http.outbound),
            ("evenkeel.pool", &http.pool),
        ]);
    }
    let repeated = lists.into_iter().filter(|(_, positions)| positions.len() > 1);
    repeated.map(|(name, at)| TWICE.at(&chain.place.filter(name), format!("it is at the positions {at:?}"))).collect()
}
