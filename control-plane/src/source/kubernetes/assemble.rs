//! A service and its slices, put together.

use super::endpoint_slice::{EndpointSlice, SliceEndpoint};
use super::name::ObjectName;
use super::node::Node;
use super::pod::Pod;
use super::service::{AddressFamily, Service};
use super::store::Store;
use crate::model::{self, Endpoint, Health, Locality, Ports, ServiceName, Weight};
use ahash::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What endpoints refer to.
#[derive(Clone, Copy, Debug)]
pub struct Referents<'a> {
    /// All pods.
    pub pods: &'a Store<Pod>,
    /// All nodes.
    pub nodes: &'a Store<Node>,
}

/// One slice of a service.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its name.
    pub name: &'a ObjectName,
    /// What it says.
    pub slice: &'a EndpointSlice,
}

/// The service with the endpoints of its slices. Equal input gives equal output if the parts are in an order of their own.
pub fn assemble(referents: Referents<'_>, name: &ServiceName, service: &Service, parts: &[Part<'_>]) -> model::Service {
    model::Service {
        ports: service.ports.clone(),
        external_traffic_policy: service.external_traffic_policy,
        traffic: service.traffic,
        endpoints: if service.external_name { Vec::new() } else { endpoints(referents, service, parts) },
        ..model::Service::new(name.clone())
    }
}

/// Each pod once: with two families it is in a slice of either, and a client without IPv6 rejects an assignment with a
/// single IPv6 address.
fn endpoints(referents: Referents<'_>, service: &Service, parts: &[Part<'_>]) -> Vec<Endpoint> {
    let family = family(service, parts);
    let slices = || parts.iter().map(|part| part.slice).filter(|slice| Some(slice.family) == family);
    let mut merge = Merge::default();
    // An endpoint that moves from one slice to another is in both for a moment.
    for ready in [true, false] {
        for slice in slices() {
            let endpoints = slice.endpoints.iter().filter(|endpoint| endpoint.ready == ready);
            endpoints.for_each(|endpoint| merge.add(referents, endpoint, &slice.ports));
        }
    }
    merge.endpoints
}

/// The family of the addresses that are taken. Kubernetes makes slices for each family of a service; who writes them by
/// hand may have only others.
fn family(service: &Service, parts: &[Part<'_>]) -> Option<AddressFamily> {
    match service.families.first() {
        Some(primary) if service.has_selector => Some(*primary),
        _ => {
            let wanted = service.families.iter().copied().chain([AddressFamily::Four, AddressFamily::Six]);
            wanted.into_iter().find(|family| parts.iter().any(|part| part.slice.family == *family))
        }
    }
}

/// The endpoints so far, and which ports of which address they have.
#[derive(Default)]
struct Merge {
    endpoints: Vec<Endpoint>,
    taken: HashMap<IpAddr, Arc<Ports>>,
}

impl Merge {
    fn add(&mut self, referents: Referents<'_>, endpoint: &SliceEndpoint, ports: &Arc<Ports>) {
        if let Some(ports) = self.take(endpoint.address, ports) {
            self.endpoints.push(of_slice(referents, endpoint, ports));
        }
    }

    /// Of these ports, those that the address does not have yet; `None` if it has them all.
    fn take(&mut self, address: IpAddr, ports: &Arc<Ports>) -> Option<Arc<Ports>> {
        let Some(taken) = self.taken.get_mut(&address) else {
            self.taken.insert(address, ports.clone());
            return Some(ports.clone());
        };
        let new: Ports = ports.iter().filter(|(name, _)| !taken.contains_key(*name)).map(owned).collect();
        if new.is_empty() {
            return None;
        }
        Arc::make_mut(taken).extend(new.clone());
        Some(Arc::new(new))
    }
}

fn owned((name, port): (&String, &u16)) -> (String, u16) {
    (name.clone(), *port)
}

fn of_slice(referents: Referents<'_>, endpoint: &SliceEndpoint, ports: Arc<Ports>) -> Endpoint {
    let pod = endpoint.pod.as_ref().and_then(|name| referents.pods.get(name));
    let node = endpoint.node.as_ref().or_else(|| pod?.node.as_ref());
    Endpoint {
        health: if endpoint.ready { Health::Ready } else { Health::NotReady },
        weight: pod.map_or(Weight::ONE, |pod| pod.weight),
        locality: locality(referents, endpoint, pod, node),
        node: node.cloned(),
        workload: pod.map(|pod| pod.workload.clone()),
        awaits_pod: endpoint.pod.is_some() && pod.is_none(),
        ..Endpoint::new(endpoint.address, ports)
    }
}

/// What the pod itself says, else where its node is, else what the slice knows.
fn locality(
    referents: Referents<'_>,
    endpoint: &SliceEndpoint,
    pod: Option<&Pod>,
    node: Option<&Arc<str>>,
) -> Arc<Locality> {
    let of_node = || {
        let locality = &referents.nodes.get(&ObjectName::of_node(node?.clone()))?.locality;
        (**locality != Locality::default()).then_some(locality)
    };
    pod.and_then(|pod| pod.locality.as_ref()).or_else(of_node).unwrap_or(&endpoint.zone).clone()
}
