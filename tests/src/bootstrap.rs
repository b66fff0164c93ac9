//! Envoy configurations, as JSON.
//!
//! A small typed builder for what the tests vary; everything else is written once here. Names are Envoy's own.

mod cluster;
mod evenkeel;
mod http_listener;
mod tcp_listener;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

pub use self::cluster::{Cluster, EndpointSource, LoadBalancing};
pub use self::evenkeel::{CONNECTION_ROOT, Evenkeel, OUTBOUND_ROOT, REQUEST_ROOT, wasm_plugin};
pub use self::http_listener::HttpListener;
pub use self::tcp_listener::TcpListener;
pub use self::tls::{downstream_tls, upstream_tls};

/// A whole bootstrap; [`crate::envoy::Start::run`] adds the admin interface.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    node: String,
    listeners: Vec<Value>,
    clusters: Vec<Value>,
    dynamic: Value,
}

impl Bootstrap {
    /// An empty bootstrap for the node with this id.
    pub fn new(node: &str) -> Self {
        Self { node: node.to_owned(), listeners: Vec::new(), clusters: Vec::new(), dynamic: json!({}) }
    }

    /// With a listener ([`HttpListener`], [`TcpListener`] or plain JSON).
    #[must_use]
    pub fn listener(mut self, listener: impl Into<Value>) -> Self {
        self.listeners.push(listener.into());
        self
    }

    /// With a cluster.
    #[must_use]
    pub fn cluster(mut self, cluster: impl Into<Value>) -> Self {
        self.clusters.push(cluster.into());
        self
    }

    /// With an aggregated stream (`GRPC` or `DELTA_GRPC`) to the control plane behind `cluster`.
    #[must_use]
    pub fn ads(mut self, api_type: &str, cluster: &str) -> Self {
        self.dynamic = json!({"ads_config": cluster::api_config(api_type, cluster)});
        self
    }

    /// With more from the aggregated stream of [`Self::ads`]: `cds_config`, `lds_config`.
    #[must_use]
    pub fn discovered(mut self, what: &[&str]) -> Self {
        for config in what {
            self.dynamic[config] = json!({"ads": {}, "resource_api_version": "V3"});
        }
        self
    }

    /// The JSON that Envoy reads.
    pub fn into_json(self) -> Value {
        json!({
            "node": {"id": self.node, "cluster": "evenkeel-tests"},
            "dynamic_resources": self.dynamic,
            "static_resources": {"listeners": self.listeners, "clusters": self.clusters},
        })
    }
}

/// Limits that Envoy has itself; the same message on both sides (`core.v3.HttpProtocolOptions`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// `max_connection_duration`.
    pub max_connection_duration: Option<Duration>,
    /// `max_connection_duration_jitter`: at most so many percent longer, by chance. Downstream, Envoy 1.39 and newer.
    pub max_connection_duration_jitter: Option<u8>,
    /// `max_requests_per_connection`.
    pub max_requests_per_connection: Option<u32>,
    /// `idle_timeout`; Envoy's default is one hour.
    pub idle_timeout: Option<Duration>,
}

impl ConnectionLimits {
    fn to_json(self) -> Value {
        let mut options = json!({});
        if let Some(duration) = self.max_connection_duration {
            options["max_connection_duration"] = seconds(duration);
        }
        if let Some(percent) = self.max_connection_duration_jitter {
            options["max_connection_duration_jitter"] = json!({"value": percent});
        }
        if let Some(requests) = self.max_requests_per_connection {
            options["max_requests_per_connection"] = json!(requests);
        }
        if let Some(duration) = self.idle_timeout {
            options["idle_timeout"] = seconds(duration);
        }
        options
    }
}

/// An `Address` message.
pub fn address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

/// A `Duration` message.
pub fn seconds(duration: Duration) -> Value {
    json!(format!("{}s", duration.as_secs_f64()))
}

/// A typed extension: `fields` with the type URL of `message`.
pub(crate) fn typed(message: &str, mut fields: Value) -> Value {
    fields["@type"] = json!(format!("type.googleapis.com/{message}"));
    fields
}
