//! What is known of the cluster, and what has to be made anew when something changes.

use super::assemble::{Part, Referents, assemble};
use super::destination_rule::DestinationRule;
use super::endpoint_slice::EndpointSlice;
use super::kind::{Kind, Scope};
use super::mesh;
use super::name::ObjectName;
use super::node::Node;
use super::object::Watched;
use super::peer_authentication::PeerAuthentication;
use super::pod::Pod;
use super::references::References;
use super::service::Service;
use super::shared::Shared;
use super::store::{Change, State, Store, Update};
use crate::model::{Cluster, Locality, Mesh, Ports, ServiceName, Workload};
use ahash::HashSet;
use std::sync::Arc;

/// All watched objects, and the cluster that they make. Only services that something changed for are made again; the
/// others stay the same values.
#[derive(Debug, Default)]
pub struct Index {
    services: Store<Service>,
    slices: Store<EndpointSlice>,
    pods: Store<Pod>,
    nodes: Store<Node>,
    peer_authentications: Store<PeerAuthentication>,
    destination_rules: Store<DestinationRule>,
    slices_of: References<ServiceName, ObjectName>,
    slices_with: References<ObjectName, ObjectName>,
    changed_services: HashSet<ServiceName>,
    /// Nodes that are somewhere else now.
    moved_nodes: HashSet<Arc<str>>,
    nodes_changed: bool,
    mesh_changed: bool,
    /// The mesh without policies.
    mesh_names: Arc<Mesh>,
    cluster: Cluster,
    shared: SharedValues,
}

/// What objects share.
#[derive(Debug, Default)]
pub struct SharedValues {
    names: Shared<str>,
    ports: Shared<Ports>,
    localities: Shared<Locality>,
    workloads: Shared<Workload>,
}

/// A kind of object that an index keeps.
pub trait Indexed: Watched {
    /// Where the objects are.
    fn store(index: &mut Index) -> &mut Store<Self>;
    /// Shares what can be.
    fn share(&mut self, values: &mut SharedValues);
    /// Notes what a change touches.
    fn changed(index: &mut Index, change: &Change<Self>);
}

impl Index {
    /// Nothing is known yet but how the mesh calls things.
    pub fn new(mesh_names: Mesh) -> Self {
        let mesh_names = Arc::new(mesh_names);
        let cluster = Cluster { mesh: mesh_names.clone(), ..Cluster::default() };
        Self { mesh_names, cluster, ..Self::default() }
    }

    /// Takes in what the watch of a kind and scope tells.
    pub fn update<T: Indexed>(&mut self, scope: &Scope, update: Update<T>) {
        let update = self.shared.update(update);
        for change in T::store(self).update(scope, update) {
            T::changed(self, &change);
        }
    }

    /// The number of objects of this kind.
    pub fn len(&self, kind: Kind) -> usize {
        match kind {
            Kind::Service => self.services.len(),
            Kind::EndpointSlice => self.slices.len(),
            Kind::Pod => self.pods.len(),
            Kind::Node => self.nodes.len(),
            Kind::PeerAuthentication => self.peer_authentications.len(),
            Kind::DestinationRule => self.destination_rules.len(),
        }
    }

    /// Whether the cluster may be another one than it was when it was last asked for.
    pub fn has_changed(&self) -> bool {
        self.nodes_changed || self.mesh_changed || !self.changed_services.is_empty() || !self.moved_nodes.is_empty()
    }

    /// The cluster as it is known now.
    pub fn cluster(&mut self) -> Cluster {
        self.nodes_changed = false;
        if std::mem::take(&mut self.mesh_changed) {
            let mesh = mesh::assemble(&self.mesh_names, &self.peer_authentications, &self.destination_rules);
            self.cluster.mesh = Arc::new(mesh);
        }
        self.note_moved();
        for name in std::mem::take(&mut self.changed_services) {
            self.make(&name);
        }
        self.cluster.clone()
    }

    fn make(&mut self, name: &ServiceName) {
        let Some(service) = self.services.get(&name.into()) else {
            return self.cluster.services.remove(name);
        };
        let referents = Referents { pods: &self.pods, nodes: &self.nodes };
        let made = assemble(referents, name, service, &self.parts_of(name));
        if self.cluster.services.get(name).is_none_or(|known| **known != made) {
            self.cluster.services.insert(Arc::new(made));
        }
    }

    /// The slices of a service, in an order that depends on nothing else.
    fn parts_of(&self, name: &ServiceName) -> Vec<Part<'_>> {
        let part = |name| self.slices.get(name).map(|slice| Part { name, slice });
        let mut parts: Vec<_> = self.slices_of.to(name).iter().filter_map(part).collect();
        parts.sort_by_key(|part| part.name);
        parts
    }

    /// Nodes move rarely, so nobody keeps book of what is on them.
    fn note_moved(&mut self) {
        let moved = std::mem::take(&mut self.moved_nodes);
        if moved.is_empty() {
            return;
        }
        let on_moved = |slice: &EndpointSlice| {
            slice.endpoints.iter().any(|endpoint| {
                let pod = || self.pods.get(endpoint.pod.as_ref()?)?.node.as_ref();
                endpoint.node.as_ref().or_else(pod).is_some_and(|node| moved.contains(node))
            })
        };
        let touched = self.slices.iter().filter(|(_, slice)| on_moved(slice));
        self.changed_services.extend(touched.map(|(name, slice)| name.service(&slice.service)));
    }
}

impl Indexed for Service {
    fn store(index: &mut Index) -> &mut Store<Self> {
        &mut index.services
    }

    fn share(&mut self, _: &mut SharedValues) {}

    fn changed(index: &mut Index, change: &Change<Self>) {
        let ObjectName { namespace, name } = change.name.clone();
        index.changed_services.insert(ServiceName { namespace, name });
    }
}

impl Indexed for PeerAuthentication {
    fn store(index: &mut Index) -> &mut Store<Self> {
        &mut index.peer_authentications
    }

    fn share(&mut self, _: &mut SharedValues) {}

    fn changed(index: &mut Index, _: &Change<Self>) {
        index.mesh_changed = true;
    }
}

impl Indexed for DestinationRule {
    fn store(index: &mut Index) -> &mut Store<Self> {
        &mut index.destination_rules
    }

    fn share(&mut self, _: &mut SharedValues) {}

    fn changed(index: &mut Index, _: &Change<Self>) {
        index.mesh_changed = true;
    }
}

impl Indexed for EndpointSlice {
    fn store(index: &mut Index) -> &mut Store<Self> {
        &mut index.slices
    }

    fn share(&mut self, values: &mut SharedValues) {
        values.names.share(&mut self.service);
        values.ports.share(&mut self.ports);
        for endpoint in &mut self.endpoints {
            values.localities.share(&mut endpoint.zone);
            endpoint.node.iter_mut().for_each(|node| values.names.share(node));
            endpoint.pod.iter_mut().for_each(|pod| values.name(pod));
        }
    }

    fn changed(index: &mut Index, change: &Change<Self>) {
        let name = &change.name;
        if let Some(before) = &change.before {
            let service = name.service(&before.service);
            index.slices_of.remove(&service, name);
            before.pods().for_each(|pod| index.slices_with.remove(pod, name));
            index.changed_services.insert(service);
        }
        if let Some(after) = index.slices.get(name) {
            let service = name.service(&after.service);
            index.slices_of.insert(service.clone(), name.clone());
            after.pods().for_each(|pod| index.slices_with.insert(pod.clone(), name.clone()));
            index.changed_services.insert(service);
        }
    }
}

impl Indexed for Pod {
    fn store(index: &mut Index) -> &mut Store<Self> {
        &mut index.pods
    }

    fn share(&mut self, values: &mut SharedValues) {
        values.workloads.share(&mut self.workload);
        self.locality.iter_mut().for_each(|locality| values.localities.share(locality));
        self.node.iter_mut().for_each(|node| values.names.share(node));
    }

    fn changed(index: &mut Index, change: &Change<Self>) {
        let slices = index.slices_with.to(&change.name).iter();
        let services = slices.filter_map(|name| Some(name.service(&index.slices.get(name)?.service)));
        index.changed_services.extend(services);
    }
}

impl Indexed for Node {
    fn store(index: &mut Index) -> &mut Store<Self> {
        &mut index.nodes
    }

    fn share(&mut self, _: &mut SharedValues) {}

    fn changed(index: &mut Index, change: &Change<Self>) {
        let name = &change.name.name;
        let after = index.nodes.get(&change.name);
        if after.map(|node| &node.locality) != change.before.as_ref().map(|node| &node.locality) {
            index.moved_nodes.insert(name.clone());
        }
        index.nodes_changed = true;
        match after {
            Some(node) => drop(index.cluster.nodes.insert(name.clone(), node.clone())),
            None => drop(index.cluster.nodes.remove(name)),
        }
    }
}

impl SharedValues {
    fn name(&mut self, name: &mut ObjectName) {
        self.names.share(&mut name.namespace);
        self.names.share(&mut name.name);
    }

    fn update<T: Indexed>(&mut self, mut update: Update<T>) -> Update<T> {
        match &mut update {
            Update::Applied(name, state) | Update::Listed(name, state) => {
                self.name(name);
                if let State::Known(object) = state {
                    object.share(self);
                }
            }
            Update::Deleted(_) | Update::Restarted | Update::ListComplete => {}
        }
        update
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
