//! The nodes that lead to a service, for balancers outside of the cluster network.

use super::hosts::{Host, Hosts};
use super::pods::ready;
use crate::model::{Endpoint, ExternalTrafficPolicy, Node, Nodes, Service, ServicePort};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// The ready nodes, by their address and the port's node port; none if the port has no node port.
///
/// With `externalTrafficPolicy: Local` a node leads only to its own pods: nodes without ready pods are left out, the
/// others weigh as much as they have. With `Cluster` each leads to all pods, and all weigh the same.
pub fn nodes<'a>(service: &Service, port: &ServicePort, nodes: &'a Nodes) -> Hosts<'a> {
    let Some(node_port) = port.node_port else { return Hosts::default() };
    let (family, weights) = (Family::of(service), Weights::of(service, port));
    let hosts = nodes.iter().filter(|(_, node)| node.ready).filter_map(|(name, node)| {
        let weight = weights.of_node(name)?;
        Some((
            SocketAddr::new(family.address(node)?, node_port),
            Host { locality: &node.locality, weight, identity: None },
        ))
    });
    hosts.collect()
}

/// Which addresses of a node lead to a service. A node port is open only for the families that the service has, which
/// its endpoints tell.
#[derive(Clone, Copy)]
enum Family {
    Any,
    V4,
    V6,
}

impl Family {
    fn of(service: &Service) -> Self {
        let has =
            |of_family: fn(&IpAddr) -> bool| service.endpoints.iter().any(|endpoint| of_family(&endpoint.address));
        match (has(IpAddr::is_ipv4), has(IpAddr::is_ipv6)) {
            (true, false) => Self::V4,
            (false, true) => Self::V6,
            _ => Self::Any,
        }
    }

    /// One address of the node, so that it counts once: the first of IPv4, else the first of IPv6.
    fn address(self, node: &Node) -> Option<IpAddr> {
        let first = |of_family: fn(&IpAddr) -> bool| node.addresses.iter().copied().find(of_family);
        match self {
            Self::Any => first(IpAddr::is_ipv4).or_else(|| first(IpAddr::is_ipv6)),
            Self::V4 => first(IpAddr::is_ipv4),
            Self::V6 => first(IpAddr::is_ipv6),
        }
    }
}

enum Weights<'a> {
    Equal,
    ReadyPods(BTreeMap<&'a str, u32>),
}

impl<'a> Weights<'a> {
    fn of(service: &'a Service, port: &ServicePort) -> Self {
        match service.external_traffic_policy {
            ExternalTrafficPolicy::Cluster => Self::Equal,
            ExternalTrafficPolicy::Local => Self::ReadyPods(ready_pods(ready(service, port))),
        }
    }

    /// At least 1; `None` for a node that does not lead to the service.
    fn of_node(&self, name: &str) -> Option<u32> {
        match self {
            Self::Equal => Some(1),
            Self::ReadyPods(pods) => pods.get(name).copied(),
        }
    }
}

/// The number of pods on each node that has some. A pod of two families has an endpoint for each, and counts once.
fn ready_pods<'a>(endpoints: impl Iterator<Item = (SocketAddr, &'a Endpoint)>) -> BTreeMap<&'a str, u32> {
    let mut addresses: BTreeMap<&str, [BTreeSet<SocketAddr>; 2]> = BTreeMap::new();
    for (address, endpoint) in endpoints {
        let Some(node) = &endpoint.node else { continue };
        let [v4, v6] = addresses.entry(node).or_default();
        if address.is_ipv4() {
            v4.insert(address)
        } else {
            v6.insert(address)
        };
    }
    let pods = |[v4, v6]: [BTreeSet<SocketAddr>; 2]| v4.len().max(v6.len()) as u32;
    addresses.into_iter().map(|(node, addresses)| (node, pods(addresses))).collect()
}
