//! A listener with an HTTP connection manager.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::{ConnectionLimits, Evenkeel, address, seconds, typed};
use crate::envoy::LOOPBACK;

const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";

/// HTTP/1 and HTTP/2 on one port, routed by path prefix.
#[derive(Clone, Debug)]
pub struct HttpListener {
    name: String,
    address: SocketAddr,
    routes: Vec<Value>,
    validate_clusters: bool,
    network_filters: Vec<Value>,
    http_filters: Vec<Value>,
    drain_timeout: Option<Duration>,
    limits: ConnectionLimits,
    transport_socket: Option<Value>,
}

impl HttpListener {
    /// A listener on a free loopback port, without routes; its stats are `http.NAME.`.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            address: LOOPBACK,
            routes: Vec::new(),
            validate_clusters: true,
            network_filters: Vec::new(),
            http_filters: Vec::new(),
            drain_timeout: None,
            limits: ConnectionLimits::default(),
            transport_socket: None,
        }
    }

    /// On this address instead.
    #[must_use]
    pub fn address(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// Sends paths with this prefix to a cluster. Earlier routes win. No timeout: streams may last for ever.
    #[must_use]
    pub fn route(mut self, prefix: &str, cluster: &str) -> Self {
        self.routes.push(json!({"match": {"prefix": prefix}, "route": {"cluster": cluster, "timeout": "0s"}}));
        self
    }

    /// As [`Self::route`], to one of these clusters by chance, each as likely.
    #[must_use]
    pub fn split(mut self, prefix: &str, clusters: &[&str]) -> Self {
        let weighted: Vec<_> = clusters.iter().map(|name| json!({"name": name, "weight": 1})).collect();
        let route = json!({"weighted_clusters": {"clusters": weighted}, "timeout": "0s"});
        self.routes.push(json!({"match": {"prefix": prefix}, "route": route}));
        self
    }

    /// Answers paths with this prefix itself, with 200 and this body; needs no upstream.
    #[must_use]
    pub fn direct_response(mut self, prefix: &str, body: &str) -> Self {
        let response = json!({"status": 200, "body": {"inline_string": body}});
        self.routes.push(json!({"match": {"prefix": prefix}, "direct_response": response}));
        self
    }

    /// Routes may lead to clusters that Envoy does not have yet.
    #[must_use]
    pub fn clusters_come_later(self) -> Self {
        Self { validate_clusters: false, ..self }
    }

    /// Adds Evenkeel's filters: the network filter in front of the connection manager, the HTTP filters in their order.
    #[must_use]
    pub fn evenkeel(mut self, evenkeel: &Evenkeel) -> Self {
        self.network_filters.extend(evenkeel.network_filters());
        self.http_filters.extend(evenkeel.http_filters());
        self
    }

    /// Adds any network filter in front of the connection manager.
    #[must_use]
    pub fn network_filter(mut self, filter: Value) -> Self {
        self.network_filters.push(filter);
        self
    }

    /// Adds any HTTP filter in front of the router.
    #[must_use]
    pub fn http_filter(mut self, filter: Value) -> Self {
        self.http_filters.push(filter);
        self
    }

    /// How long streams that race with the first GOAWAY are served; Envoy's default is 5 s.
    #[must_use]
    pub fn drain_timeout(self, timeout: Duration) -> Self {
        Self { drain_timeout: Some(timeout), ..self }
    }

    /// Envoy's own limits of a downstream connection.
    #[must_use]
    pub fn limits(self, limits: ConnectionLimits) -> Self {
        Self { limits, ..self }
    }

    /// With TLS, see [`super::downstream_tls`].
    #[must_use]
    pub fn tls(self, transport_socket: Value) -> Self {
        Self { transport_socket: Some(transport_socket), ..self }
    }

    fn connection_manager(&self) -> Value {
        let mut http_filters = self.http_filters.clone();
        http_filters.push(json!({"name": "envoy.filters.http.router", "typed_config": typed(ROUTER, json!({}))}));
        let mut manager = json!({
            "stat_prefix": self.name,
            "codec_type": "AUTO",
            // Request ids are the clients' own: the tests find every request again by them.
            "generate_request_id": false,
            "preserve_external_request_id": true,
            "http_protocol_options": {"enable_trailers": true},
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "common_http_protocol_options": self.limits.to_json(),
            "http_filters": http_filters,
            "route_config": {
                "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": self.routes}],
                "validate_clusters": self.validate_clusters,
            },
        });
        if let Some(timeout) = self.drain_timeout {
            manager["drain_timeout"] = seconds(timeout);
        }
        json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": typed(MANAGER, manager)})
    }
}

impl From<HttpListener> for Value {
    fn from(listener: HttpListener) -> Self {
        let mut filters = listener.network_filters.clone();
        filters.push(listener.connection_manager());
        let mut chain = json!({"filters": filters});
        if let Some(socket) = listener.transport_socket {
            chain["transport_socket"] = socket;
        }
        json!({"name": listener.name, "address": address(listener.address), "filter_chains": [chain]})
    }
}
