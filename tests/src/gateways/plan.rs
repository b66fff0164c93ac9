//! What a bed is made of.

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
}

/// The gateways of a bed, and what is in front of and behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Which Envoy.
    pub version: EnvoyVersion,
    /// How many gateways at the start.
    pub gateways: usize,
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
        let limits = ConnectionLimits::default();
        let (balancer, policy) = (Balancer::Random, json!({}));
        Self { version, gateways, balancer, filter: None, policy, limits, keepalive_requests: None }
    }

    /// The gateways report, and let go of at most `max_rate` of their connections per second; the control plane acts once
    /// endpoints have stood still for `settle`.
    #[must_use]
    pub fn rebalance(self, max_rate: f64, settle: Duration) -> Self {
        let group = format!("{NAMESPACE}/{SERVICE}");
        let filter = json!({"rebalance": {"group": group, "cluster": REBALANCE, "maxRate": max_rate}});
        Self { filter: Some(filter), policy: json!({"settle": format!("{}s", settle.as_secs())}), ..self }
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
}
