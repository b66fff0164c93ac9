//! All views of all services: made when first asked for, kept while nothing that they are made of changes.

use super::encoded::Encoded;
use super::{Hosts, ResourceName, View, nodes::nodes, pods::pods};
use crate::model::{Cluster, Service, ServiceName, ServicePort};
use crate::xds::{Resource, ResourceType};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The views of a cluster at one moment. A resource is encoded when a client first asks for it, and once: all streams
/// share the bytes, also those of later moments for as long as nothing that it is made of changes.
#[derive(Debug, Default)]
pub struct Views {
    cluster: Arc<Cluster>,
    services: BTreeMap<ServiceName, Arc<Encoded>>,
}

impl Views {
    /// The views of what is known now, and the names of all resources that may differ from what they are in `self`.
    pub fn next(&self, cluster: Arc<Cluster>) -> (Self, BTreeSet<String>) {
        let mut next = Next { services: self.services.clone(), changed: BTreeSet::new() };
        for (older, newer) in self.cluster.services.changes(&cluster.services) {
            next.service_differs(older.map(AsRef::as_ref), newer.map(AsRef::as_ref));
        }
        if self.cluster.nodes != cluster.nodes {
            cluster.services.iter().for_each(|service| next.nodes_differ(service));
        }
        (Self { cluster, services: next.services }, next.changed)
    }

    /// The assignment of this name. A name that does not exist has an empty one.
    pub fn assignment(&self, text: &str) -> Arc<Resource> {
        self.known(text).unwrap_or_else(|| Arc::new(encode(text, Hosts::default())))
    }

    /// The assignment of a port of a service that exists.
    fn known(&self, text: &str) -> Option<Arc<Resource>> {
        let name: ResourceName = text.parse().ok()?;
        let service = self.cluster.services.get(&name.service)?;
        let port = service.ports.iter().find(|port| port.port == name.port)?;
        let encoded = self.services.get(&name.service)?;
        let view = name.view;
        Some(encoded.get_or_encode(name, || encode(text, self.hosts(view, service, port))))
    }

    fn hosts<'a>(&'a self, view: View, service: &'a Service, port: &ServicePort) -> Hosts<'a> {
        match view {
            View::Pods | View::Steer => pods(service, port),
            View::Nodes => nodes(service, port, &self.cluster.nodes),
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
        if let Some(encoded) = self.services.get_mut(&service.name) {
            *encoded = Arc::new(encoded.without(View::Nodes));
        }
    }
}

/// The names of the resources that are made of this service.
fn names<'a>(service: &'a Service, views: &'a [View]) -> impl Iterator<Item = String> + 'a {
    let name = |view, port| ResourceName { view, service: service.name.clone(), port }.to_string();
    service.ports.iter().flat_map(move |port| views.iter().map(move |view| name(*view, port.port)))
}

fn encode(name: &str, hosts: Hosts<'_>) -> Resource {
    Resource::new(name.to_owned(), ResourceType::ClusterLoadAssignment, &hosts.assignment(name))
}
