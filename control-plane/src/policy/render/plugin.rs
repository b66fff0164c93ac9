//! The discovered configurations: the filter's binary, and every number.

use super::filters::{CONNECTION, OUTBOUND, REQUEST};
use super::{Module, typed};
use evenkeel_filter_core::Settings;
use serde_json::{Value, json};

const NETWORK_WASM: &str = "envoy.extensions.filters.network.wasm.v3.Wasm";
const HTTP_WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// What the filters of accepted connections discover.
pub fn inbound(settings: &Settings, sees_requests: bool, module: &Module) -> Vec<Value> {
    let connection = [(CONNECTION, NETWORK_WASM)];
    let request = sees_requests.then_some((REQUEST, HTTP_WASM));
    connection.into_iter().chain(request).map(|(root, message)| patch(root, message, settings, module)).collect()
}

/// What the filter of opened connections discovers.
pub fn outbound(settings: &Settings, module: &Module) -> Value {
    patch(OUTBOUND, HTTP_WASM, settings, module)
}

fn patch(root: &str, message: &str, settings: &Settings, module: &Module) -> Value {
    let config = typed(message, json!({"config": plugin(root, settings, module)}));
    json!({
        "applyTo": "EXTENSION_CONFIG",
        "match": {"context": "ANY"},
        "patch": {"operation": "ADD", "value": {"name": root, "typed_config": config}},
    })
}

/// All roots share one VM per worker: same id, same code.
fn plugin(root: &str, settings: &Settings, module: &Module) -> Value {
    let text = json!(settings).to_string();
    json!({
        "name": root,
        "root_id": root,
        "configuration": typed("google.protobuf.StringValue", json!({"value": text})),
        "failure_policy": failure_policy(module),
        "vm_config": {"vm_id": "evenkeel", "runtime": "envoy.wasm.runtime.v8", "code": code(module)},
    })
}

/// What happens when a VM traps: the filter comes back by itself where it may. Istio's agent, which fetches what is remote,
/// denies all traffic when it cannot, unless it reads `FAIL_OPEN`; the filter then comes back with the next edit.
pub fn failure_policy(module: &Module) -> &'static str {
    if module.file().is_some() { "FAIL_RELOAD" } else { "FAIL_OPEN" }
}

fn code(module: &Module) -> Value {
    if let Some(path) = module.file() {
        return json!({"local": {"filename": path}});
    }
    // Envoy does not fetch it: Istio's agent does, and puts a local file in its place.
    let uri = json!({"uri": module.url, "timeout": "30s", "cluster": "_"});
    json!({"remote": {"http_uri": uri, "sha256": module.sha256}})
}
