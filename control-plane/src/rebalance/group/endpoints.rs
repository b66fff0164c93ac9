//! The ready endpoints of a group's Service.

use crate::model::{Health, Service, Workload};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The ready endpoints by address. Addresses are never IPv4 in its IPv6 form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoints(BTreeMap<IpAddr, Endpoint>);

/// A ready endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Its part of the connections relative to the others.
    pub weight: f64,
    /// What it is an instance of, if that is known.
    pub workload: Option<Arc<Workload>>,
}

impl Endpoints {
    /// Those of a service.
    pub fn of(service: &Service) -> Self {
        let ready = service.endpoints.iter().filter(|endpoint| endpoint.health == Health::Ready);
        let endpoint = |endpoint: &crate::model::Endpoint| {
            let weight = f64::from(endpoint.weight.get());
            (endpoint.address.to_canonical(), Endpoint { weight, workload: endpoint.workload.clone() })
        };
        Self(ready.map(endpoint).collect())
    }

    /// All, by address.
    pub fn iter(&self) -> impl Iterator<Item = (&IpAddr, &Endpoint)> {
        self.0.iter()
    }

    /// The one at an address.
    pub fn get(&self, address: &IpAddr) -> Option<&Endpoint> {
        self.0.get(address)
    }

    /// Whether there is one at an address.
    pub fn contains(&self, address: &IpAddr) -> bool {
        self.0.contains_key(address)
    }

    /// Whether these are at the same addresses.
    pub fn same_addresses(&self, other: &Self) -> bool {
        self.0.keys().eq(other.0.keys())
    }

    /// Whether an endpoint that both have has another weight here.
    pub fn changes_a_weight_of(&self, other: &Self) -> bool {
        let differs = |(address, endpoint): (&IpAddr, &Endpoint)| {
            other.get(address).is_some_and(|other| (other.weight - endpoint.weight).abs() > f64::EPSILON)
        };
        self.iter().any(differs)
    }
}
