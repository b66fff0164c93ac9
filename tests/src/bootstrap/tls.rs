//! Transport sockets with TLS.

use serde_json::{Value, json};

use super::typed;
use crate::backend::Certificate;

/// TLS towards clients, with both HTTP versions offered.
pub fn downstream_tls(certificate: &Certificate) -> Value {
    let pair = json!({
        "certificate_chain": {"filename": certificate.chain()},
        "private_key": {"filename": certificate.key()},
    });
    let context = json!({"tls_certificates": [pair], "alpn_protocols": ["h2", "http/1.1"]});
    let message = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
    socket(&typed(message, json!({"common_tls_context": context})))
}

/// TLS towards endpoints that prove themselves with `certificate`.
pub fn upstream_tls(certificate: &Certificate) -> Value {
    let context = json!({"validation_context": {"trusted_ca": {"filename": certificate.chain()}}});
    let message = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    socket(&typed(message, json!({"common_tls_context": context, "sni": Certificate::NAME})))
}

fn socket(context: &Value) -> Value {
    json!({"name": "envoy.transport_sockets.tls", "typed_config": context})
}
