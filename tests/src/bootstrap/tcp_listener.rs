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
}

impl TcpListener {
    /// A listener on a free loopback port; its stats are `tcp.NAME.`.
    pub fn new(name: &str, cluster: &str) -> Self {
        Self { name: name.to_owned(), address: LOOPBACK, cluster: cluster.to_owned() }
    }

    /// On this address instead.
    #[must_use]
    pub fn address(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }
}

impl From<TcpListener> for Value {
    fn from(listener: TcpListener) -> Self {
        let message = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
        let proxy = typed(message, json!({"stat_prefix": listener.name, "cluster": listener.cluster}));
        json!({
            "name": listener.name,
            "address": address(listener.address),
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}],
        })
    }
}
