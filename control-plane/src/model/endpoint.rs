//! Endpoints: where a service can be reached.

use super::Workload;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Name of a service's port to the port that an endpoint listens on.
pub type Ports = BTreeMap<String, u16>;

/// One pod, or whatever else serves a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// IPv4 or IPv6.
    pub address: IpAddr,
    /// What it listens on, shared by endpoints that have the same. A port that is missing here is not served by this
    /// endpoint.
    pub ports: Arc<Ports>,
    /// Whether it may get traffic.
    pub health: Health,
    /// Its part of the traffic relative to the other endpoints.
    pub weight: Weight,
    /// Where it runs.
    pub locality: Arc<Locality>,
    /// The name of its node, if it runs on one.
    pub node: Option<Arc<str>>,
    /// What it is an instance of, if it is a pod that is known.
    pub workload: Option<Arc<Workload>>,
    /// Whether it is a pod of which nothing is known yet but that it exists.
    pub awaits_pod: bool,
}

impl Endpoint {
    /// A ready endpoint of which nothing else is known.
    pub fn new(address: IpAddr, ports: Arc<Ports>) -> Self {
        Self {
            address,
            ports,
            health: Health::Ready,
            weight: Weight::ONE,
            locality: Arc::default(),
            node: None,
            workload: None,
            awaits_pod: false,
        }
    }
}

/// Whether an endpoint may get traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It may.
    Ready,
    /// It may not, yet or any more.
    NotReady,
}

/// Where an endpoint runs. Each part is empty when unknown.
///
/// Localities are compared for every endpoint of a cluster. The parts are no `String`s, for an empty one of those lies
/// nowhere, and to compare no bytes there takes more than 100 ns on processors that mask loads (AVX-512).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locality {
    /// Such as `eu-central-1`.
    pub region: Arc<str>,
    /// Such as `eu-central-1a`.
    pub zone: Arc<str>,
    /// Such as a rack.
    pub sub_zone: Arc<str>,
}

/// A load balancing weight, 1 to 128.
///
/// The upper end keeps the sum over a locality far away from the 32 bits that xDS allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u8);

impl Weight {
    /// What an endpoint has when nobody says otherwise.
    pub const ONE: Self = Self(1);
    /// The largest weight.
    pub const MAX: Self = Self(128);

    /// The weight as a number.
    pub fn get(self) -> u32 {
        u32::from(self.0)
    }
}

/// A weight outside 1 to 128.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a weight is 1 to 128")]
pub struct WeightError;

impl TryFrom<i64> for Weight {
    type Error = WeightError;

    fn try_from(weight: i64) -> Result<Self, WeightError> {
        match u8::try_from(weight) {
            Ok(weight @ 1..=128) => Ok(Self(weight)),
            _ => Err(WeightError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_1_to_128() {
        let accepted = |weight: i64| Weight::try_from(weight).is_ok();
        assert!(accepted(1) && accepted(128));
        assert!(!accepted(0) && !accepted(129) && !accepted(-1) && !accepted(257));
    }
}
