//! The pods of a service.

use super::hosts::{Host, Hosts};
use crate::model::{Endpoint, Health, Service, ServicePort, Weight};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The pods that are ready and serve the port, by their own addresses.
pub fn pods<'a>(service: &'a Service, port: &ServicePort) -> Hosts<'a> {
    ready(service, port).map(|(address, endpoint)| (address, host(endpoint))).collect()
}

/// The same pods with the weights of a rebalance. One without such a weight is no target of it and gets as little as a
/// weight can say.
pub fn steered<'a>(service: &'a Service, port: &ServicePort, weights: &BTreeMap<IpAddr, Weight>) -> Hosts<'a> {
    let weight = |endpoint: &Endpoint| weights.get(&endpoint.address).copied().unwrap_or(Weight::ONE).get();
    let steered = |endpoint: &'a Endpoint| Host { weight: weight(endpoint), ..host(endpoint) };
    ready(service, port).map(|(address, endpoint)| (address, steered(endpoint))).collect()
}

/// The endpoints that are ready and serve the port, and where.
pub fn ready<'a>(service: &'a Service, port: &ServicePort) -> impl Iterator<Item = (SocketAddr, &'a Endpoint)> {
    let ready = service.endpoints.iter().filter(|endpoint| endpoint.health == Health::Ready);
    ready.filter_map(|endpoint| {
        let target = endpoint.ports.get(&port.name)?;
        Some((SocketAddr::new(endpoint.address, *target), endpoint))
    })
}

fn host(endpoint: &Endpoint) -> Host<'_> {
    Host { locality: &endpoint.locality, weight: endpoint.weight.get(), identity: None }
}
