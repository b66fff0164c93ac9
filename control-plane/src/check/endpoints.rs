//! EK06: clusters that take their endpoints from Evenkeel.

use super::envoy::{Cluster, Envoy};
use super::finding::{Finding, Place, rules};
use super::installation::{Installation, XDS_CLUSTER, names_xds_cluster};
use super::message::{duration, list, text};
use serde_json::Value;
use std::time::Duration;

rules! {
    NO_SERVER "EK0601" Error "the cluster `evenkeel-xds` does not exist"
        "Clusters that take endpoints through it get none: a new Envoy answers 503 for them."
        "Add the cluster `evenkeel-xds` (rendered by the policy) with the same `match.context` and `workloadSelector` as the patch that names it.";
    NOT_DELTA "EK0602" Error "endpoints are asked for by `GRPC` from a discovered cluster"
        "Envoy refuses such a cluster: only a static one may serve the state-of-the-world protocol."
        "Set `api_type: DELTA_GRPC` in `eds_config.api_config_source`.";
    WAITS_FOR_EVER "EK0603" Error "`initial_fetch_timeout` is 0"
        "While the control plane is down a new Envoy waits for ever and opens no listener."
        "Set `eds_config.initial_fetch_timeout: 60s`.";
    SHORT_WAIT "EK0604" Warning "`initial_fetch_timeout` is short"
        "When the control plane is out of reach and the cluster changes, an empty cluster takes the place of the good one after this time: requests are answered with 503."
        "Set `eds_config.initial_fetch_timeout: 60s`.";
    TWO_SERVERS "EK0605" Error "several services are named as the source of endpoints"
        "Envoy refuses the cluster."
        "Let one EnvoyFilter change this cluster's `eds_config`: merges append to the list `grpc_services`.";
    EMPTY "EK0606" Warning "a cluster that takes endpoints from Evenkeel has none"
        "Requests to it are answered with 503."
        "Compare with `kubectl get endpointslices`; if pods are ready there, look at the control plane's log and at `/v1/clients` of its admin port.";
    NOT_HTTP2 "EK0607" Error "a cluster of Evenkeel's control plane does not speak HTTP/2"
        "gRPC needs HTTP/2: nothing is received and nothing reported."
        "Set `explicit_http_config.http2_protocol_options: {}` in the cluster's `HttpProtocolOptions`.";
}

/// With less than this an ordinary restart of the control plane may take longer.
const SHORTEST_WAIT: Duration = Duration::from_secs(30);
/// Envoy's own where nothing is said. <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/config_source.proto>
const DEFAULT_WAIT: Duration = Duration::from_secs(15);

/// What is wrong.
pub fn findings(installation: &Installation<'_>) -> Vec<Finding> {
    let envoy = installation.envoy;
    let server = envoy.cluster(XDS_CLUSTER);
    let mut found = vec![];
    for cluster in envoy.clusters().iter().filter(|cluster| names_xds_cluster(cluster.eds_config())) {
        found.extend(of_cluster(envoy, cluster, server.as_ref()));
    }
    found.extend(server.filter(|server| !server.is_http2()).map(|server| not_http2(&server)));
    found
}

fn of_cluster(envoy: &Envoy, cluster: &Cluster<'_>, server: Option<&Cluster<'_>>) -> Vec<Finding> {
    let place = Place::cluster(cluster.name());
    let missing = server.is_none().then(|| NO_SERVER.at(&place, "its `eds_config` names evenkeel-xds"));
    let mut found: Vec<Finding> = missing.into_iter().collect();
    found.extend(of_source(cluster.eds_config(), server.is_some_and(Cluster::is_static), &place));
    found.extend(is_empty(envoy, cluster.name()).then(|| EMPTY.at(&place, "the dump shows no endpoint of it")));
    found
}

/// What is wrong with an EDS source that names Evenkeel.
pub fn of_source(eds_config: &Value, server_is_static: bool, place: &Place) -> Vec<Finding> {
    let source = super::message::at(eds_config, "api_config_source");
    let services = list(source, "grpc_services").len();
    let kind = text(source, "api_type");
    let not_delta = !server_is_static && kind != "DELTA_GRPC";
    let not_delta = not_delta.then(|| NOT_DELTA.at(place, format!("api_type is {kind:?}")));
    let several = (services > 1).then(|| TWO_SERVERS.at(place, format!("grpc_services has {services} elements")));
    let wait = duration(eds_config, "initial_fetch_timeout").unwrap_or(DEFAULT_WAIT);
    let wait = match wait {
        Duration::ZERO => Some(WAITS_FOR_EVER.at(place, "initial_fetch_timeout is 0s")),
        wait if wait < SHORTEST_WAIT => Some(SHORT_WAIT.at(place, format!("initial_fetch_timeout is {wait:?}"))),
        _ => None,
    };
    [not_delta, several, wait].into_iter().flatten().collect()
}

/// Says nothing when the dump was made without `include_eds`.
fn is_empty(envoy: &Envoy, cluster: &str) -> bool {
    let localities = envoy.assignment(cluster).map(|assignment| list(assignment, "endpoints"));
    localities.is_some_and(|localities| localities.iter().all(|locality| list(locality, "lb_endpoints").is_empty()))
}

/// That a cluster speaks another protocol.
pub fn not_http2(cluster: &Cluster<'_>) -> Finding {
    NOT_HTTP2.at(&Place::cluster(cluster.name()), "it has no `http2_protocol_options`")
}
