//! The clusters that lead to the control plane.

use super::{ControlPlane, mutual_tls, typed};
use serde_json::{Value, json};

/// The one that proxies report to, by its name in every proxy: the replica that directs them.
pub const REBALANCE: &str = "evenkeel-rebalance";
/// The one that endpoints come from: every replica has them.
pub const ENDPOINTS: &str = "evenkeel-xds";

/// Adds the cluster for reports.
pub fn for_reports(control_plane: &ControlPlane) -> Value {
    patch(&cluster(REBALANCE, &control_plane.rebalance_host, control_plane))
}

/// Adds the cluster for endpoints.
pub fn for_endpoints(control_plane: &ControlPlane) -> Value {
    patch(&cluster(ENDPOINTS, &control_plane.xds_host, control_plane))
}

/// The mesh's own cluster for the Service would not do: a `Sidecar` resource can hide it from a proxy.
fn patch(cluster: &Value) -> Value {
    json!({
        "applyTo": "CLUSTER",
        "match": {"context": "ANY"},
        "patch": {"operation": "ADD", "value": cluster},
    })
}

fn cluster(name: &str, host: &str, control_plane: &ControlPlane) -> Value {
    let address = json!({"socket_address": {"address": host, "port_value": control_plane.port}});
    // A replica that has gone without a word is noticed, also by who only listens.
    let keepalive = json!({"connection_keepalive": {"interval": "30s", "timeout": "5s"}});
    let http2 = json!({"explicit_http_config": {"http2_protocol_options": keepalive}});
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let cluster = json!({
        "name": name,
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "typed_extension_protocol_options": {options: typed(options, http2)},
    });
    mutual_tls::secure(cluster, host, control_plane)
}
