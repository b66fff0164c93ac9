//! A cluster.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::{ConnectionLimits, address, seconds, typed};

const PROTOCOL_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Where a cluster's endpoints come from when not from the bootstrap.
#[derive(Clone, Debug)]
pub enum EndpointSource {
    /// A file with a `DiscoveryResponse`, replaced by rename.
    File(PathBuf),
    /// A stream of its own; `api_type` is `GRPC` or `DELTA_GRPC`.
    Stream {
        /// Envoy's name of the protocol variant.
        api_type: &'static str,
        /// The cluster of the control plane.
        cluster: String,
    },
    /// The aggregated stream of [`super::Bootstrap::ads`].
    Aggregated,
}

impl EndpointSource {
    fn config_source(&self) -> Value {
        let mut source = match self {
            Self::File(path) => json!({"path_config_source": {"path": path}}),
            Self::Stream { api_type, cluster } => json!({"api_config_source": api_config(api_type, cluster)}),
            Self::Aggregated => json!({"ads": {}}),
        };
        source["resource_api_version"] = json!("V3");
        source
    }
}

/// How a cluster chooses among its endpoints.
#[derive(Clone, Copy, Debug)]
pub enum LoadBalancing {
    /// `ROUND_ROBIN`, Envoy's default.
    RoundRobin,
    /// `RANDOM`; ignores weights.
    Random,
    /// `LEAST_REQUEST`.
    LeastRequest,
    /// `RING_HASH`, by what the listener says.
    RingHash,
}

/// A cluster: endpoints, protocol, limits.
#[derive(Clone, Debug)]
pub struct Cluster {
    name: String,
    discovery: Value,
    balancing: LoadBalancing,
    protocol: Value,
    limits: ConnectionLimits,
    circuit_breakers: Option<Value>,
    transport_socket: Option<Value>,
}

impl Cluster {
    /// A cluster with fixed endpoints.
    pub fn new(name: &str, endpoints: &[SocketAddr]) -> Self {
        let endpoints: Vec<_> = endpoints.iter().map(|one| json!({"endpoint": {"address": address(*one)}})).collect();
        let assignment = json!({"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]});
        Self::discovered(name, json!({"type": "STATIC", "load_assignment": assignment}))
    }

    /// A cluster whose endpoints are the resource `service_name` of `source`. It waits 5 s for the first ones.
    pub fn eds(name: &str, service_name: &str, source: &EndpointSource) -> Self {
        let mut config = source.config_source();
        config["initial_fetch_timeout"] = seconds(Duration::from_secs(5));
        let eds = json!({"service_name": service_name, "eds_config": config});
        Self::discovered(name, json!({"type": "EDS", "eds_cluster_config": eds}))
    }

    /// How long an EDS cluster keeps Envoy from being LIVE while there is no answer.
    #[must_use]
    pub fn initial_fetch_timeout(mut self, timeout: Duration) -> Self {
        self.discovery["eds_cluster_config"]["eds_config"]["initial_fetch_timeout"] = seconds(timeout);
        self
    }

    /// The cluster of a control plane, of one or several replicas: HTTP/2, with keepalive so that a silent death is
    /// noticed.
    pub fn control_plane(name: &str, replicas: &[SocketAddr]) -> Self {
        let keepalive = json!({"interval": "5s", "timeout": "2s"});
        Self {
            protocol: json!({"http2_protocol_options": {"connection_keepalive": keepalive}}),
            ..Self::new(name, replicas)
        }
    }

    fn discovered(name: &str, discovery: Value) -> Self {
        Self {
            name: name.to_owned(),
            discovery,
            balancing: LoadBalancing::RoundRobin,
            protocol: json!({"http_protocol_options": {"enable_trailers": true}}),
            limits: ConnectionLimits::default(),
            circuit_breakers: None,
            transport_socket: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// HTTP/2 to the endpoints; HTTP/1 otherwise.
    #[must_use]
    pub fn http2(self) -> Self {
        Self { protocol: json!({"http2_protocol_options": {}}), ..self }
    }

    /// With this load balancing policy.
    #[must_use]
    pub fn load_balancing(self, balancing: LoadBalancing) -> Self {
        Self { balancing, ..self }
    }

    /// Envoy's own limits of an upstream connection.
    #[must_use]
    pub fn limits(self, limits: ConnectionLimits) -> Self {
        Self { limits, ..self }
    }

    /// Circuit breakers for this many connections, requests and pending requests; Envoy's default is 1024 each.
    #[must_use]
    pub fn circuit_breakers(self, most: u32) -> Self {
        let threshold = json!({"max_connections": most, "max_requests": most, "max_pending_requests": most});
        Self { circuit_breakers: Some(json!({"thresholds": [threshold]})), ..self }
    }

    /// With TLS, see [`super::upstream_tls`].
    #[must_use]
    pub fn tls(self, transport_socket: Value) -> Self {
        Self { transport_socket: Some(transport_socket), ..self }
    }

    fn policy(&self) -> &'static str {
        match self.balancing {
            LoadBalancing::RoundRobin => "ROUND_ROBIN",
            LoadBalancing::Random => "RANDOM",
            LoadBalancing::LeastRequest => "LEAST_REQUEST",
            LoadBalancing::RingHash => "RING_HASH",
        }
    }
}

impl From<Cluster> for Value {
    fn from(cluster: Cluster) -> Self {
        let options = json!({
            "common_http_protocol_options": cluster.limits.to_json(),
            "explicit_http_config": cluster.protocol,
        });
        let mut json = cluster.discovery.clone();
        json["name"] = json!(cluster.name);
        json["connect_timeout"] = json!("5s");
        json["lb_policy"] = json!(cluster.policy());
        json["typed_extension_protocol_options"] = json!({PROTOCOL_OPTIONS: typed(PROTOCOL_OPTIONS, options)});
        for (key, value) in
            [("circuit_breakers", cluster.circuit_breakers), ("transport_socket", cluster.transport_socket)]
        {
            if let Some(value) = value {
                json[key] = value;
            }
        }
        json
    }
}

/// An `ApiConfigSource` with a quick retry, so that a control plane that comes back is found within 2 s.
pub(super) fn api_config(api_type: &str, cluster: &str) -> Value {
    let retry = json!({"retry_back_off": {"base_interval": "0.1s", "max_interval": "2s"}});
    json!({
        "api_type": api_type,
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": cluster, "retry_policy": retry}}],
    })
}
