//! Mutual TLS from a proxy to the control plane, as the mesh has it between workloads.
//!
//! The certificate is the proxy's own, which Istio's agent hands out over the static cluster `sds-grpc` of every bootstrap.

use super::{ControlPlane, typed};
use serde_json::{Value, json};

/// The agent's names of the proxy's certificate and of the mesh's authorities.
const CERTIFICATE: &str = "default";
const AUTHORITIES: &str = "ROOTCA";
/// By the first one a sidecar knows traffic of the mesh, the second one is for a server without a sidecar.
const PROTOCOLS: [&str; 2] = ["istio", "h2"];
/// How long the cluster waits for its secrets. A fresh Envoy is not ready before that, with 0 never (measured); one that serves
/// takes everything else as it comes. Then connections fail until the secrets are there, and nothing else does.
const PATIENCE: &str = "1s";

/// A cluster that leads to this host of the control plane: over mutual TLS, if the control plane has an identity.
pub fn secure(mut cluster: Value, host: &str, control_plane: &ControlPlane) -> Value {
    if let Some(identity) = &control_plane.identity {
        cluster["transport_socket"] = transport_socket(host, &identity.to_string());
    }
    cluster
}

fn transport_socket(host: &str, identity: &str) -> Value {
    let message = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    let context = json!({"sni": host, "common_tls_context": common_context(identity)});
    json!({"name": "envoy.transport_sockets.tls", "typed_config": typed(message, context)})
}

/// No other workload of the mesh is believed to be the control plane.
fn common_context(identity: &str) -> Value {
    let is_control_plane = json!({"san_type": "URI", "matcher": {"exact": identity}});
    json!({
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": PROTOCOLS,
        "tls_certificate_sds_secret_configs": [secret(CERTIFICATE)],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [is_control_plane]},
            "validation_context_sds_secret_config": secret(AUTHORITIES),
        },
    })
}

fn secret(name: &str) -> Value {
    let agent = json!({
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": true,
        "grpc_services": [{"envoy_grpc": {"cluster_name": "sds-grpc"}}],
    });
    let source = json!({"api_config_source": agent, "initial_fetch_timeout": PATIENCE, "resource_api_version": "V3"});
    json!({"name": name, "sds_config": source})
}
