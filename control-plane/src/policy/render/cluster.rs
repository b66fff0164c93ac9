//! The cluster that proxies report to.

use super::{ControlPlane, typed};
use serde_json::{Value, json};

/// Its name in every proxy.
pub const NAME: &str = "evenkeel-rebalance";

/// Adds it. The mesh's own cluster for the Service would not do: a `Sidecar` resource can hide it from a proxy.
pub fn patch(control_plane: &ControlPlane) -> Value {
    json!({
        "applyTo": "CLUSTER",
        "match": {"context": "ANY"},
        "patch": {"operation": "ADD", "value": cluster(control_plane)},
    })
}

fn cluster(control_plane: &ControlPlane) -> Value {
    let ControlPlane { host, port } = control_plane;
    let address = json!({"socket_address": {"address": host, "port_value": port}});
    let http2 = json!({"explicit_http_config": {"http2_protocol_options": {}}});
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({
        "name": NAME,
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": NAME,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "typed_extension_protocol_options": {options: typed(options, http2)},
    })
}
