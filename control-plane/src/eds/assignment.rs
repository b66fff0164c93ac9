//! One port of a service as a `ClusterLoadAssignment`.
//!
//! Equal content must give equal bytes, whatever the order of the source: versions are hashes of them.

use crate::model::{Endpoint, Health, Locality, Service, ServicePort, Weight};
use evenkeel_proto::envoy::config::core::v3 as core;
use evenkeel_proto::envoy::config::core::v3::address::Address::SocketAddress;
use evenkeel_proto::envoy::config::core::v3::socket_address::PortSpecifier::PortValue;
use evenkeel_proto::envoy::config::endpoint::v3 as endpoint;
use evenkeel_proto::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use evenkeel_proto::google::protobuf::UInt32Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The pods that are ready, by their own addresses, grouped by locality.
pub fn pods(name: &str, service: &Service, port: &ServicePort) -> endpoint::ClusterLoadAssignment {
    let mut localities: BTreeMap<&Locality, Vec<endpoint::LbEndpoint>> = BTreeMap::new();
    for ((address, port), host) in hosts(service, port) {
        localities.entry(host.locality).or_default().push(lb_endpoint(address, port, host.weight));
    }
    let endpoints = localities.into_iter().map(|(locality, endpoints)| of_locality(locality, endpoints)).collect();
    endpoint::ClusterLoadAssignment { cluster_name: name.to_owned(), endpoints }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Host<'a> {
    locality: &'a Locality,
    weight: Weight,
}

/// Each address once, since Envoy keeps only the first of several. Which one it is must not depend on their order.
fn hosts<'a>(service: &'a Service, port: &ServicePort) -> BTreeMap<(IpAddr, u16), Host<'a>> {
    let mut hosts = BTreeMap::new();
    for endpoint in service.endpoints.iter().filter(|endpoint| endpoint.health == Health::Ready) {
        let Some(target) = endpoint.ports.get(&port.name) else { continue };
        insert_smaller(&mut hosts, (endpoint.address, *target), host(endpoint));
    }
    hosts
}

fn host(endpoint: &Endpoint) -> Host<'_> {
    Host { locality: &endpoint.locality, weight: endpoint.weight }
}

fn insert_smaller<'a>(hosts: &mut BTreeMap<(IpAddr, u16), Host<'a>>, address: (IpAddr, u16), host: Host<'a>) {
    match hosts.get(&address) {
        Some(known) if *known <= host => {}
        _ => {
            hosts.insert(address, host);
        }
    }
}

fn of_locality(locality: &Locality, lb_endpoints: Vec<endpoint::LbEndpoint>) -> endpoint::LocalityLbEndpoints {
    let weight = lb_endpoints.iter().filter_map(|endpoint| endpoint.load_balancing_weight).map(|weight| weight.value);
    let load_balancing_weight = Some(UInt32Value { value: weight.fold(0, u32::saturating_add) });
    endpoint::LocalityLbEndpoints { locality: where_it_is(locality), lb_endpoints, load_balancing_weight, priority: 0 }
}

fn where_it_is(locality: &Locality) -> Option<core::Locality> {
    (*locality != Locality::default()).then(|| core::Locality {
        region: locality.region.clone(),
        zone: locality.zone.clone(),
        sub_zone: locality.sub_zone.clone(),
    })
}

fn lb_endpoint(address: IpAddr, port: u16, weight: Weight) -> endpoint::LbEndpoint {
    let socket_address = core::SocketAddress {
        protocol: core::socket_address::Protocol::Tcp.into(),
        address: address.to_string(),
        port_specifier: Some(PortValue(u32::from(port))),
    };
    let address = Some(core::Address { address: Some(SocketAddress(socket_address)) });
    endpoint::LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(endpoint::Endpoint { address })),
        health_status: core::HealthStatus::Healthy.into(),
        load_balancing_weight: Some(UInt32Value { value: weight.get() }),
    }
}
