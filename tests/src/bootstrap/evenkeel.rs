//! Evenkeel's filters as they stand in an Envoy configuration.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::typed;
use crate::extension_config::ExtensionConfig;

/// The network filter's root id, filter name and resource name.
pub const CONNECTION_ROOT: &str = "evenkeel.connection";
/// The HTTP filter's root id, filter name and resource name.
pub const REQUEST_ROOT: &str = "evenkeel.request";
/// Likewise, of the HTTP filter that gives requests the key of their destination.
pub const OUTBOUND_ROOT: &str = "evenkeel.outbound";

const NETWORK_WASM: &str = "envoy.extensions.filters.network.wasm.v3.Wasm";
const HTTP_WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const NETWORK_RBAC: &str = "envoy.extensions.filters.network.rbac.v3.RBAC";
const HTTP_RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";

/// Which of Evenkeel's filters a listener has, and how they are configured.
#[derive(Clone, Debug)]
pub struct Evenkeel {
    delivery: Delivery,
    name: Option<String>,
    roots: Vec<&'static str>,
    drain: bool,
    pool: bool,
}

#[derive(Clone, Debug)]
enum Delivery {
    Inline { module: PathBuf, configuration: String },
    Discovered { folder: PathBuf },
}

impl Evenkeel {
    /// Configured in the listener itself; an edit would be a new listener. Any text can be the plugin configuration.
    pub fn inline(module: &Path, configuration: impl Display) -> Self {
        Self::new(Delivery::Inline { module: module.to_owned(), configuration: configuration.to_string() })
    }

    /// Configured by extension discovery (ECDS) from files that can be edited.
    pub fn discovered(files: &ExtensionConfig) -> Self {
        Self::new(Delivery::Discovered { folder: files.folder().to_owned() })
    }

    fn new(delivery: Delivery) -> Self {
        Self { delivery, name: None, roots: vec![CONNECTION_ROOT], drain: true, pool: false }
    }

    /// With the HTTP filter that counts requests and streams: for `maxRequests`, `streamGrace` and `outbound`.
    #[must_use]
    pub fn with_request(self) -> Self {
        self.with(REQUEST_ROOT)
    }

    /// With the HTTP filter that gives requests the key of their destination, and the one that makes pools of keys.
    #[must_use]
    pub fn with_outbound(self) -> Self {
        self.with(OUTBOUND_ROOT).with_pool()
    }

    /// Without what drains: for the module that has caps alone.
    #[must_use]
    pub fn without_drain(self) -> Self {
        Self { drain: false, ..self }
    }

    /// Without the network filter and what drains: for `evenkeel.outbound` alone.
    #[must_use]
    pub fn without_connection(mut self) -> Self {
        self.roots.retain(|root| *root != CONNECTION_ROOT);
        self
    }

    fn with(mut self, root: &'static str) -> Self {
        self.roots.push(root);
        self
    }

    /// As another plugin of the same VM, with settings and connections of its own; only where configured inline.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    /// With the filter that turns the pool key into an upstream connection pool: for `outbound`.
    #[must_use]
    pub fn with_pool(self) -> Self {
        Self { pool: true, ..self }
    }

    pub(super) fn network_filters(&self) -> Vec<Value> {
        self.plugin_of(CONNECTION_ROOT).into_iter().collect()
    }

    pub(super) fn http_filters(&self) -> Vec<Value> {
        let drain = (self.drain && self.roots.contains(&CONNECTION_ROOT)).then(drain);
        let pool = self.pool.then(pool);
        [self.plugin_of(REQUEST_ROOT), drain, self.plugin_of(OUTBOUND_ROOT), pool].into_iter().flatten().collect()
    }

    fn plugin_of(&self, root: &str) -> Option<Value> {
        self.roots.contains(&root).then(|| self.plugin(root))
    }

    fn plugin(&self, root: &str) -> Value {
        match &self.delivery {
            Delivery::Inline { module, configuration } => {
                let mut plugin = wasm_plugin(root, module, configuration);
                plugin["config"]["name"] = json!(self.name.as_deref().unwrap_or(root));
                json!({"name": root, "typed_config": plugin})
            }
            Delivery::Discovered { folder } => discovered(root, folder),
        }
    }
}

/// The wasm filter message of a root. All roots share one VM per worker: same id, same code, no VM configuration.
pub fn wasm_plugin(root: &str, module: &Path, configuration: &str) -> Value {
    let message = if root == CONNECTION_ROOT { NETWORK_WASM } else { HTTP_WASM };
    let text = typed("google.protobuf.StringValue", json!({"value": configuration}));
    let config = json!({
        "name": root,
        "root_id": root,
        "configuration": text,
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "vm_id": "evenkeel",
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
        },
    });
    typed(message, json!({"config": config}))
}

/// Discovery with a default that does nothing, so that a missing or broken module leaves traffic alone.
fn discovered(root: &str, folder: &Path) -> Value {
    let (wasm, nothing) =
        if root == CONNECTION_ROOT { (NETWORK_WASM, network_nothing()) } else { (HTTP_WASM, http_nothing()) };
    let file = folder.join(ExtensionConfig::file_name(root));
    let path = json!({"path": file, "watched_directory": {"path": folder}});
    let discovery = json!({
        "config_source": {"path_config_source": path, "resource_api_version": "V3"},
        "type_urls": [format!("type.googleapis.com/{wasm}"), nothing["@type"]],
        "default_config": nothing,
    });
    json!({"name": root, "config_discovery": discovery})
}

fn network_nothing() -> Value {
    typed(NETWORK_RBAC, json!({"stat_prefix": "evenkeel_noop"}))
}

fn http_nothing() -> Value {
    typed(HTTP_RBAC, json!({}))
}

/// Lua that drains the connection, run only when the request's connection is marked.
fn drain() -> Value {
    let source = "function envoy_on_response(handle)\n  handle:streamInfo():drainConnectionUponCompletion()\nend\n";
    let lua = json!({"default_source_code": {"inline_string": source}});
    let lua = json!({
        "name": "envoy.filters.http.lua",
        "typed_config": typed("envoy.extensions.filters.http.lua.v3.Lua", lua),
    });
    let skip_unmarked = json!({"predicate": {"not_matcher": marked()}, "on_match": {"action": skip()}});
    let matching = json!({
        "extension_config": lua,
        "xds_matcher": {"matcher_list": {"matchers": [skip_unmarked]}},
    });
    json!({
        "name": "evenkeel.drain",
        "typed_config": typed("envoy.extensions.common.matching.v3.ExtensionWithMatcher", matching),
    })
}

fn marked() -> Value {
    let message = "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput";
    let input = json!({"name": "mark", "typed_config": typed(message, json!({"key": "wasm.ek_drain"}))});
    json!({"single_predicate": {"input": input, "value_match": {"exact": "1"}}})
}

fn skip() -> Value {
    let message = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter";
    json!({"name": "skip", "typed_config": typed(message, json!({}))})
}

/// The pool key as a filter state object that is shared with the upstream and hashed into its connection pool.
fn pool() -> Value {
    let key = json!({
        "object_key": "ek.pool",
        "factory_key": "envoy.network.transport_socket.original_dst_address",
        // Without the second field what is not there is written as "-", which is not empty.
        "format_string": {
            "text_format_source": {"inline_string": "%FILTER_STATE(wasm.ek_pool:PLAIN)%"},
            "omit_empty_values": true,
        },
        "shared_with_upstream": "ONCE",
        "skip_if_empty": true,
    });
    let message = "envoy.extensions.filters.http.set_filter_state.v3.Config";
    json!({"name": "evenkeel.pool", "typed_config": typed(message, json!({"on_request_headers": [key]}))})
}
