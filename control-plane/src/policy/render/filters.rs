//! The filters of a chain, in their places.

use super::typed;
use serde_json::{Value, json};

/// The network filter: its name, its root and its discovered configuration.
pub const CONNECTION: &str = "evenkeel.connection";
/// The HTTP filter, likewise.
pub const REQUEST: &str = "evenkeel.request";
/// The Lua filter that drains what is marked.
pub const DRAIN: &str = "evenkeel.drain";

/// The filter state by which a connection is marked, as Envoy names what a module sets.
pub const DRAIN_MARK: &str = "wasm.ek_drain";

const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";
const ROUTER: &str = "envoy.filters.http.router";

/// The filters for every HTTP chain of this context.
pub fn patches(context: &str, sees_requests: bool) -> Vec<Value> {
    let chain = json!({"filter": {"name": CONNECTION_MANAGER}});
    let network = insert("NETWORK_FILTER", context, &chain, &connection());
    let before_router = json!({"filter": {"name": CONNECTION_MANAGER, "subFilter": {"name": ROUTER}}});
    let request = sees_requests.then(request);
    let http = request.into_iter().chain([drain()]);
    let http = http.map(|filter| insert("HTTP_FILTER", context, &before_router, &filter));
    std::iter::once(network).chain(http).collect()
}

fn insert(kind: &str, context: &str, chain: &Value, filter: &Value) -> Value {
    json!({
        "applyTo": kind,
        "match": {"context": context, "listener": {"filterChain": chain}},
        "patch": {"operation": "INSERT_BEFORE", "value": filter},
    })
}

fn connection() -> Value {
    let nothing = typed("envoy.extensions.filters.network.rbac.v3.RBAC", json!({"stat_prefix": "evenkeel_noop"}));
    discovered(CONNECTION, "envoy.extensions.filters.network.wasm.v3.Wasm", &nothing)
}

fn request() -> Value {
    let nothing = typed("envoy.extensions.filters.http.rbac.v3.RBAC", json!({}));
    discovered(REQUEST, "envoy.extensions.filters.http.wasm.v3.Wasm", &nothing)
}

/// The default has no rules: it does nothing, and is in force while the module is missing or broken.
fn discovered(name: &str, message: &str, nothing: &Value) -> Value {
    json!({
        "name": name,
        "config_discovery": {
            "config_source": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
            "type_urls": [format!("type.googleapis.com/{message}"), nothing["@type"]],
            "default_config": nothing,
        },
    })
}

/// Drains the connection with the response, where it is marked; skipped everywhere else.
fn drain() -> Value {
    let source = "function envoy_on_response(handle)\n  handle:streamInfo():drainConnectionUponCompletion()\nend\n";
    let lua = json!({"default_source_code": {"inline_string": source}});
    let lua = typed("envoy.extensions.filters.http.lua.v3.Lua", lua);
    let skip = typed("envoy.extensions.filters.common.matcher.action.v3.SkipFilter", json!({}));
    let skip_unmarked = json!({
        "predicate": {"not_matcher": {"single_predicate": marked()}},
        "on_match": {"action": {"name": "skip", "typed_config": skip}},
    });
    let matching = json!({
        "extension_config": {"name": "envoy.filters.http.lua", "typed_config": lua},
        "xds_matcher": {"matcher_list": {"matchers": [skip_unmarked]}},
    });
    json!({
        "name": DRAIN,
        "typed_config": typed("envoy.extensions.common.matching.v3.ExtensionWithMatcher", matching),
    })
}

fn marked() -> Value {
    let message = "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput";
    let input = typed(message, json!({"key": DRAIN_MARK}));
    json!({"input": {"name": "mark", "typed_config": input}, "value_match": {"exact": "1"}})
}
