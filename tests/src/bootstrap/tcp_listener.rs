//! A listener that forwards connections.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{address, typed};
use crate::envoy::LOOPBACK;

/// A `tcp_proxy`: each accepted connection goes whole to one endpoint of the cluster, as behind a NodePort.
#[derive(Clone, Debug)]
pub struct TcpListener {
    name: String,
    address: SocketAddr,
    cluster: String,
    hash_source_ip: bool,
}

impl TcpListener {
    /// A listener on a free loopback port; its stats are `tcp.NAME.`.
    pub fn new(name: &str, cluster: &str) -> Self {
        Self { name: name.to_owned(), address: LOOPBACK, cluster: cluster.to_owned(), hash_source_ip: false }
    }

    /// On this address instead.
    #[must_use]
    pub fn address(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// Connections of one source address go to the same endpoint, where the cluster chooses by a hash.
    #[must_use]
    pub fn hash_source_ip(self) -> Self {
        Self { hash_source_ip: true, ..self }
    }
}

impl From<TcpListener> for Value {
    fn from(listener: TcpListener) -> Self {
        let message = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
        let mut proxy = typed(message, json!({"stat_prefix": listener.name, "cluster": listener.cluster}));
        if listener.hash_source_ip {
            proxy["hash_policy"] = json!([{"source_ip": {}}]);
        }
        json!({
            "name": listener.name,
            "address": address(listener.address),
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}],
        })
    }
}
