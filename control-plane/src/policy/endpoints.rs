//! The section `endpoints`: which destinations a policy's pods take from the control plane, and no longer from istiod.

use crate::eds::OutboundName;
use crate::rebalance::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU16;
use std::time::Duration;

/// Destinations of which the proxies of the target take the endpoints from the control plane.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Endpoints {
    /// Which ones. All others stay with istiod.
    #[schemars(length(min = 1, max = 64))]
    pub destinations: Vec<Destination>,
    /// How long a proxy waits for the first endpoints, from 1s to 1h. While the control plane is out of reach a new proxy
    /// opens its listeners only after this time, and a destination that istiod changes has no endpoints from then on:
    /// the shorter it is, the sooner a proxy starts and the sooner requests fail. Default: 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_fetch_timeout: Option<Period<1, 3_600>>,
}

impl Endpoints {
    /// How long a proxy waits for the first endpoints. Never zero, which would be for ever:
    /// <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/config_source.proto>
    pub fn fetch_timeout(&self) -> Duration {
        self.initial_fetch_timeout.map_or(Duration::from_mins(1), Period::get)
    }
}

/// One destination, as istiod has a cluster for it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Destination {
    /// The whole host name of a Kubernetes Service: `NAME.NAMESPACE.svc.DOMAIN`.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// The port of that Service.
    #[schemars(with = "i32", range(min = 1, max = 65535))]
    pub port: NonZeroU16,
    /// The subset of a `DestinationRule`; what is sent to the host without a subset if it is left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub subset: String,
}

impl Destination {
    /// The cluster that istiod has for it, which is also the name of its endpoints.
    pub fn cluster(&self) -> OutboundName {
        OutboundName { port: self.port.get(), subset: self.subset.clone(), host: self.host.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Endpoints, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_destination_is_the_cluster_of_istiod() {
        let endpoints = read("destinations: [{host: cart.shop.svc.cluster.local, port: 80, subset: v1}]").unwrap();
        assert_eq!(endpoints.destinations[0].cluster().to_string(), "outbound|80|v1|cart.shop.svc.cluster.local");
        assert_eq!(endpoints.fetch_timeout(), Duration::from_mins(1));
    }

    #[test]
    fn nobody_waits_for_ever_or_not_at_all() {
        for wrong in ["0s", "999ms", "61m", "soon"] {
            let problem = read(&format!("{{destinations: [], initialFetchTimeout: {wrong}}}")).unwrap_err();
            assert!(problem.contains("from 1s to 1h"), "{problem}");
        }
        let written = read("{destinations: [], initialFetchTimeout: 90s}").unwrap();
        assert_eq!(serde_json::to_value(written).unwrap()["initialFetchTimeout"], "90s");
    }

    #[test]
    fn a_port_is_a_port() {
        for wrong in ["0", "65536", "http"] {
            assert!(
                read(&format!("destinations: [{{host: a.b.svc.cluster.local, port: {wrong}}}]")).is_err(),
                "{wrong}"
            );
        }
    }
}
