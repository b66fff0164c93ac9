//! The filters of a chain, in their places.

use super::typed;
use serde_json::{Value, json};

/// The network filter: its name, its root and its discovered configuration.
pub const CONNECTION: &str = "evenkeel.connection";
/// The HTTP filter, likewise.
pub const REQUEST: &str = "evenkeel.request";
/// The HTTP filter that chooses the key of each destination, likewise.
pub const OUTBOUND: &str = "evenkeel.outbound";
/// The Lua filter that drains what is marked.
pub const DRAIN: &str = "evenkeel.drain";
/// The filter that hands the key on.
pub const POOL: &str = "evenkeel.pool";

/// The filter state by which a connection is marked, as Envoy names what a module sets.
pub const DRAIN_MARK: &str = "wasm.ek_drain";
/// The filter state with the key of the connection pool, likewise.
pub const POOL_KEY: &str = "wasm.ek_pool";

const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";
const ROUTER: &str = "envoy.filters.http.router";

/// The filters for connections that every HTTP chain of this context accepts.
pub fn inbound(context: &str, sees_requests: bool) -> Vec<Value> {
    let chain = json!({"filter": {"name": CONNECTION_MANAGER}});
    let network = insert("NETWORK_FILTER", context, &chain, &connection());
    let request = sees_requests.then(|| http(REQUEST));
    std::iter::once(network).chain(before_router(context, request.into_iter().chain([drain()]))).collect()
}

/// The filters for connections that requests of every HTTP chain of this context open.
pub fn outbound(context: &str) -> Vec<Value> {
    before_router(context, [http(OUTBOUND), pool()]).collect()
}

fn before_router(context: &str, filters: impl IntoIterator<Item = Value>) -> impl Iterator<Item = Value> {
    let place = json!({"filter": {"name": CONNECTION_MANAGER, "subFilter": {"name": ROUTER}}});
    filters.into_iter().map(move |filter| insert("HTTP_FILTER", context, &place, &filter))
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

fn http(root: &str) -> Value {
    let nothing = typed("envoy.extensions.filters.http.rbac.v3.RBAC", json!({}));
    discovered(root, "envoy.extensions.filters.http.wasm.v3.Wasm", &nothing)
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

/// The pool key as a filter state object that is shared with the upstream and hashed into its connection pool. All supported
/// Envoys have this factory.
fn pool() -> Value {
    let key = json!({
        "object_key": "ek.pool",
        "factory_key": "envoy.network.transport_socket.original_dst_address",
        "format_string": {
            "text_format_source": {"inline_string": format!("%FILTER_STATE({POOL_KEY}:PLAIN)%")},
            // Else what is not there is written as "-", which is not empty.
            "omit_empty_values": true,
        },
        "shared_with_upstream": "ONCE",
        "skip_if_empty": true,
    });
    let config = json!({"on_request_headers": [key]});
    json!({"name": POOL, "typed_config": typed("envoy.extensions.filters.http.set_filter_state.v3.Config", config)})
}

fn marked() -> Value {
    let message = "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput";
    let input = typed(message, json!({"key": DRAIN_MARK}));
    json!({"input": {"name": "mark", "typed_config": input}, "value_match": {"exact": "1"}})
}
