//! Clusters.

use crate::check::message::{at, duration, has, list, number, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Envoy's own where nothing is said. <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto>
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_hours(1);
/// Likewise. <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/circuit_breaker.proto>
const DEFAULT_MAX_CONNECTIONS: u64 = 1024;
const HTTP_OPTIONS: &str = "typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// What `/clusters?format=json` says, by the name of the cluster.
pub type Statuses<'a> = BTreeMap<&'a str, &'a Value>;

/// A cluster of the config dump, with its status.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    entry: &'a Value,
    is_static: bool,
    status: Option<&'a Value>,
}

impl<'a> Cluster<'a> {
    pub(super) fn new(entry: &'a Value, source: &str, statuses: &Statuses<'a>) -> Self {
        let status = statuses.get(text(entry, "cluster/name")).copied();
        Self { entry, is_static: source == "static_clusters", status }
    }

    /// The configuration alone, as a manifest has it.
    pub fn configuration(&self) -> &'a Value {
        at(self.entry, "cluster")
    }

    /// The name.
    pub fn name(&self) -> &'a str {
        text(self.entry, "cluster/name")
    }

    /// Whether it is of the bootstrap.
    pub fn is_static(&self) -> bool {
        self.is_static
    }

    /// Why its newest configuration was refused; empty when it was not.
    pub fn error(&self) -> &'a str {
        text(self.entry, "error_state/details")
    }

    /// Where its endpoints come from; null when they are not discovered.
    pub fn eds_config(&self) -> &'a Value {
        at(self.configuration(), "eds_cluster_config/eds_config")
    }

    /// How long its connections may idle; none when for ever.
    pub fn idle_timeout(&self) -> Option<Duration> {
        let places = [at(self.configuration(), HTTP_OPTIONS), self.configuration()];
        let timeout = places.iter().find_map(|place| duration(place, "common_http_protocol_options/idle_timeout"));
        Some(timeout.unwrap_or(DEFAULT_IDLE_TIMEOUT)).filter(|timeout| !timeout.is_zero())
    }

    /// The most connections of the default priority, all hosts and workers together.
    pub fn max_connections(&self) -> u64 {
        let thresholds = list(self.configuration(), "circuit_breakers/thresholds").iter();
        let is_default = |threshold: &&Value| matches!(text(threshold, "priority"), "" | "DEFAULT");
        let limit = thresholds.filter(is_default).find_map(|threshold| number(threshold, "max_connections"));
        limit.unwrap_or(DEFAULT_MAX_CONNECTIONS)
    }

    /// The connections that are open now, where the status of clusters is known.
    pub fn open_connections(&self) -> Option<u64> {
        let hosts = list(self.status?, "host_statuses");
        let stats = hosts.iter().flat_map(|host| list(host, "stats"));
        let open = stats.filter(|stat| text(stat, "name") == "cx_active");
        Some(open.filter_map(|stat| number(stat, "value")).sum())
    }

    /// How many hosts it has, where the status of clusters is known.
    pub fn hosts(&self) -> Option<usize> {
        Some(list(self.status?, "host_statuses").len())
    }

    /// Whether it speaks HTTP/2 whatever the client speaks.
    pub fn is_http2(&self) -> bool {
        cluster_is_http2(self.configuration())
    }
}

/// Whether the cluster of this configuration speaks HTTP/2.
pub fn cluster_is_http2(configuration: &Value) -> bool {
    has(at(configuration, HTTP_OPTIONS), "explicit_http_config/http2_protocol_options")
        || has(configuration, "http2_protocol_options")
}
