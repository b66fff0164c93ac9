//! All views of all services: made when first asked for, kept while nothing that they are made of changes.

use super::encoded::Encoded;
use super::outbound::{self, OutboundName};
use super::pods::{pods, steered};
use super::{Hosts, ResourceName, View, nodes::nodes};
use crate::model::{Cluster, Mesh, Service, ServiceName, SteerWeights};
use crate::xds::{Lookup, Resource, ResourceType};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The views of a cluster at one moment. A resource is encoded when a client first asks for it, and once: all streams
/// share the bytes, also those of later moments for as long as nothing that it is made of changes.
#[derive(Debug, Default)]
pub struct Views {
    cluster: Arc<Cluster>,
    /// The weights of the services that are being rebalanced.
    steering: Arc<SteerWeights>,
    services: BTreeMap<ServiceName, Arc<Encoded>>,
}

impl Views {
    /// The views of the first cluster that is known: all differ from nothing.
    #[must_use]
    pub fn first(&self, cluster: Arc<Cluster>) -> Self {
        let services = cluster.services.iter().map(|service| (service.name.clone(), Arc::default())).collect();
        Self { cluster, steering: self.steering.clone(), services }
    }

    /// The views of what is known now, and the names of all resources that may differ from what they are in `self`.
    pub fn next(&self, cluster: Arc<Cluster>) -> (Self, BTreeSet<String>) {
        let mut next = Next { services: self.services.clone(), changed: BTreeSet::new() };
        for (older, newer) in self.cluster.services.changes(&cluster.services) {
            next.service_differs(older.map(AsRef::as_ref), newer.map(AsRef::as_ref));
            let of = |service, mesh| outbound::names(service, mesh);
            next.changed.extend(older.into_iter().flat_map(|service| of(service, &self.cluster.mesh)));
            next.changed.extend(newer.into_iter().flat_map(|service| of(service, &cluster.mesh)));
        }
        if self.cluster.nodes != cluster.nodes {
            cluster.services.iter().for_each(|service| next.nodes_differ(service));
        }
        if self.cluster.mesh != cluster.mesh {
            cluster.services.iter().for_each(|service| next.mesh_differs(service, [&self.cluster.mesh, &cluster.mesh]));
        }
        (Self { cluster, steering: self.steering.clone(), services: next.services }, next.changed)
    }

    /// The same with the weights of now, and the names of all resources that may differ from what they are in `self`.
    pub fn steer(&self, steering: Arc<SteerWeights>) -> (Self, BTreeSet<String>) {
        let mut next = Next { services: self.services.clone(), changed: BTreeSet::new() };
        for name in resteered(&self.steering, &steering) {
            self.cluster.services.get(name).into_iter().for_each(|service| next.steering_differs(service));
        }
        (Self { cluster: self.cluster.clone(), steering, services: next.services }, next.changed)
    }

    /// The assignment of this name. A name that does not exist has an empty one.
    pub fn assignment(&self, text: &str) -> Lookup {
        match OutboundName::parse(text) {
            Some(name) => self.outbound(text, &name),
            None => self.view(text).unwrap_or_else(|| encode(text, Hosts::default())),
        }
    }

    /// A view of a port of a service that exists.
    fn view(&self, text: &str) -> Option<Lookup> {
        let name: ResourceName = text.parse().ok()?;
        let service = self.cluster.services.get(&name.service)?;
        let port = service.ports.iter().find(|port| port.port == name.port)?;
        let encoded = self.services.get(&name.service)?;
        let hosts = || match name.view {
            View::Pods => pods(service, port),
            View::Steer => match self.steering.get(&name.service) {
                Some(weights) => steered(service, port, weights),
                None => pods(service, port),
            },
            View::Nodes => nodes(service, port, &self.cluster.nodes),
        };
        Some(encoded.get_or_encode(text, || encode(text, hosts())))
    }

    fn outbound(&self, text: &str, name: &OutboundName) -> Lookup {
        let lookup = || match outbound::hosts(name, &self.cluster) {
            Ok(hosts) => encode(text, hosts),
            Err(declined) => Lookup::Declined(declined.to_string().into()),
        };
        // Only what a service really has is kept, so that made-up names cost no memory.
        let service =
            name.service(&self.cluster.mesh.domain).ok().and_then(|service| self.cluster.services.get(&service));
        let real = service.filter(|service| outbound::names(service, &self.cluster.mesh).any(|real| real == text));
        match real.and_then(|service| self.services.get(&service.name)) {
            Some(encoded) => encoded.get_or_encode(text, lookup),
            None => lookup(),
        }
    }
}

/// What differs between two moments.
struct Next {
    services: BTreeMap<ServiceName, Arc<Encoded>>,
    changed: BTreeSet<String>,
}

impl Next {
    fn service_differs(&mut self, older: Option<&Service>, newer: Option<&Service>) {
        self.changed.extend(older.into_iter().chain(newer).flat_map(|service| names(service, &View::ALL)));
        match (older, newer) {
            (_, Some(newer)) => drop(self.services.insert(newer.name.clone(), Arc::default())),
            (Some(older), None) => drop(self.services.remove(&older.name)),
            (None, None) => {}
        }
    }

    /// Only services with node ports are made of nodes, and of their views only one.
    fn nodes_differ(&mut self, service: &Service) {
        if service.ports.iter().all(|port| port.node_port.is_none()) {
            return;
        }
        self.changed.extend(names(service, &[View::Nodes]));
        self.keep_only(service, |name| !name.starts_with(View::Nodes.prefix()));
    }

    fn steering_differs(&mut self, service: &Service) {
        self.changed.extend(names(service, &[View::Steer]));
        self.keep_only(service, |name| !name.starts_with(View::Steer.prefix()));
    }

    fn mesh_differs(&mut self, service: &Service, meshes: [&Mesh; 2]) {
        self.changed.extend(meshes.into_iter().flat_map(|mesh| outbound::names(service, mesh)));
        self.keep_only(service, |name| OutboundName::parse(name).is_none());
    }

    fn keep_only(&mut self, service: &Service, like: impl Fn(&str) -> bool) {
        if let Some(encoded) = self.services.get_mut(&service.name) {
            *encoded = Arc::new(encoded.only(like));
        }
    }
}

/// The services whose weights are others now.
fn resteered<'a>(older: &'a SteerWeights, newer: &'a SteerWeights) -> BTreeSet<&'a ServiceName> {
    let names = older.keys().chain(newer.keys());
    names.filter(|name| older.get(*name) != newer.get(*name)).collect()
}

/// The names of the resources that are made of this service.
fn names<'a>(service: &'a Service, views: &'a [View]) -> impl Iterator<Item = String> + 'a {
    let name = |view, port| ResourceName { view, service: service.name.clone(), port }.to_string();
    service.ports.iter().flat_map(move |port| views.iter().map(move |view| name(*view, port.port)))
}

fn encode(name: &str, hosts: Hosts<'_>) -> Lookup {
    let assignment = hosts.assignment(name);
    Lookup::Found(Arc::new(Resource::encoded(name.to_owned(), ResourceType::ClusterLoadAssignment, assignment)))
}
