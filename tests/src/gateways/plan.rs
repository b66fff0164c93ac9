//! What a bed is made of.

use std::net::Ipv4Addr;
use std::time::Duration;

use evenkeel_bed::EnvoyVersion;
use serde::Serialize;
use serde_json::{Value, json};

use super::gateway::REBALANCE;
use super::service::{NAMESPACE, SERVICE};
use crate::bootstrap::ConnectionLimits;

/// What spreads connections over the gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Balancer {
    /// At random over `pods/`, as kube-proxy's rules do.
    Random,
    /// In turn, by the weights of `steer/`.
    Steer,
    /// By a hash of the client's address over `pods/`, as Services with `sessionAffinity: ClientIP` do.
    SourceHash,
}

/// The gateways of a bed, and what is in front of and behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Which Envoy.
    pub version: EnvoyVersion,
    /// How many gateways at the start.
    pub gateways: usize,
    /// The address of the first one's pod; those of the others follow.
    pub first_pod: Ipv4Addr,
    /// In front of them.
    pub balancer: Balancer,
    /// The plugin configuration of the filter, or none: no filter.
    pub filter: Option<Value>,
    /// The field `rebalance` of the group's policy.
    pub policy: Value,
    /// Envoy's own limits of a connection to a gateway.
    pub limits: ConnectionLimits,
    /// Gateways that are nginx instead of Envoy, each of which closes a connection after so many requests.
    pub keepalive_requests: Option<u32>,
}

impl Plan {
    /// Gateways behind a random balancer, with neither the filter nor limits.
    pub fn new(version: EnvoyVersion, gateways: usize) -> Self {
        Self {
            version,
            gateways,
            first_pod: Ipv4Addr::new(127, 0, 0, 2),
            balancer: Balancer::Random,
            filter: None,
            policy: json!({}),
            limits: ConnectionLimits::default(),
            keepalive_requests: None,
        }
    }

    /// The gateways report, and let go of at most `max_rate` of their connections per second; the control plane acts once
    /// endpoints have stood still for `settle`.
    #[must_use]
    pub fn rebalance(self, max_rate: f64, settle: Duration) -> Self {
        let group = format!("{NAMESPACE}/{SERVICE}");
        let filter = json!({"rebalance": {"group": group, "cluster": REBALANCE, "maxRate": max_rate}});
        Self { filter: Some(filter), policy: json!({"settle": format!("{}s", settle.as_secs())}), ..self }
    }

    /// The gateways are measured by the requests that they get.
    #[must_use]
    pub fn by_requests(mut self) -> Self {
        if let Some(filter) = &mut self.filter {
            filter["rebalance"]["signal"] = json!("requests");
        }
        self.policy["signal"] = json!("requests");
        self
    }

    /// Nothing moves until [`super::Bed::policy`] says otherwise.
    #[must_use]
    pub fn paused(mut self) -> Self {
        self.policy["paused"] = json!(true);
        self
    }

    /// With pods from this address on; it has to be one of this machine's.
    #[must_use]
    pub fn pods_from(self, first_pod: Ipv4Addr) -> Self {
        Self { first_pod, ..self }
    }

    /// Behind this balancer.
    #[must_use]
    pub fn behind(self, balancer: Balancer) -> Self {
        Self { balancer, ..self }
    }

    /// With Envoy's own limits of a connection.
    #[must_use]
    pub fn limits(self, limits: ConnectionLimits) -> Self {
        Self { limits, ..self }
    }

    /// Of nginx, each of which closes a connection after so many requests. It needs the bed `nginx`.
    #[must_use]
    pub fn nginx(self, keepalive_requests: u32) -> Self {
        Self { keepalive_requests: Some(keepalive_requests), ..self }
    }

    /// Whether the filter has to see requests.
    pub(super) fn sees_requests(&self) -> bool {
        self.policy["signal"] == "requests"
    }
}
