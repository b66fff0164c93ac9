//! Resources that tests put there, change and take away.

use super::{CDS, EDS};
use crate::xds::{Lookup, Resource, ResourceType, Resources, Snapshot};
use evenkeel_proto::envoy::config::endpoint::v3::{ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Resources of any type. Every change is a snapshot of its own, which says what has changed.
///
/// A cluster has its endpoints under its own name. An assignment that does not exist is empty. Wildcards stand for every
/// name but those that begin with `~`.
#[derive(Debug)]
pub struct World {
    contents: Contents,
    snapshot: Snapshot,
}

#[derive(Clone, Debug, Default)]
struct Contents(BTreeMap<(ResourceType, String), Lookup>);

impl World {
    /// Resources of one type with the content 1.
    pub fn new(resource_type: ResourceType, names: &[&str]) -> Self {
        let mut world = Self { contents: Contents::default(), snapshot: Snapshot::new(Arc::new(Contents::default())) };
        for name in names {
            world.set(resource_type, name, 1);
        }
        world
    }

    /// Resources of each type with the same names and the content 1.
    pub fn of_all_types(names: &[&str]) -> Self {
        let mut world = Self::new(EDS, names);
        for resource_type in ResourceType::ALL {
            for name in names {
                world.set(resource_type, name, 1);
            }
        }
        world
    }

    /// Gives a name this content, which its size and its version depend on.
    pub fn set(&mut self, resource_type: ResourceType, name: &str, content: u32) {
        let resource = of_type(resource_type, name, content);
        let resource = if resource_type == CDS { resource.with_assignment(name) } else { resource };
        self.put(resource_type, name, Lookup::Found(Arc::new(resource)));
    }

    /// Does not answer for a name.
    pub fn decline(&mut self, resource_type: ResourceType, name: &str, reason: &str) {
        self.put(resource_type, name, Lookup::Declined(reason.into()));
    }

    /// Takes a name away.
    pub fn remove(&mut self, resource_type: ResourceType, name: &str) {
        self.contents.0.remove(&(resource_type, name.to_owned()));
        self.publish(name);
    }

    /// So many snapshots that nobody remembers what was before.
    pub fn age(&mut self) {
        (0..100).for_each(|_| self.publish("nothing"));
    }

    /// Everything at this moment.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The version of what a name stands for.
    pub fn version(&self, resource_type: ResourceType, name: &str) -> String {
        match self.snapshot.get(resource_type, name) {
            Lookup::Found(resource) => resource.version().to_string(),
            other => panic!("{name}: {other:?}"),
        }
    }

    fn put(&mut self, resource_type: ResourceType, name: &str, lookup: Lookup) {
        self.contents.0.insert((resource_type, name.to_owned()), lookup);
        self.publish(name);
    }

    fn publish(&mut self, changed: &str) {
        self.snapshot = self.snapshot.next(Arc::new(self.contents.clone()), BTreeSet::from([changed.to_owned()]));
    }
}

impl Resources for Contents {
    fn get(&self, resource_type: ResourceType, name: &str) -> Lookup {
        let absent = || if resource_type == EDS { Lookup::Found(Arc::new(empty(name))) } else { Lookup::Absent };
        self.0.get(&(resource_type, name.to_owned())).cloned().unwrap_or_else(absent)
    }

    fn names(&self, resource_type: ResourceType) -> Vec<String> {
        let of_type = self.0.keys().filter(|(of, name)| *of == resource_type && !name.starts_with('~'));
        of_type.map(|(_, name)| name.clone()).collect()
    }

    fn lists(&self, resource_type: ResourceType, name: &str) -> bool {
        self.names(resource_type).iter().any(|listed| listed == name)
    }
}

/// An assignment of this content.
pub fn resource(name: &str, content: u32) -> Arc<Resource> {
    Arc::new(of_type(EDS, name, content))
}

/// The assignment of a name that does not exist.
pub fn empty(name: &str) -> Resource {
    of_type(EDS, name, 0)
}

/// To the state machines, messages are bytes. So every type has the same.
fn of_type(resource_type: ResourceType, name: &str, content: u32) -> Resource {
    let endpoint = LbEndpoint { health_status: 123_456_789, ..LbEndpoint::default() };
    let lb_endpoints = (0..content).map(|_| endpoint.clone()).collect();
    let endpoints = vec![LocalityLbEndpoints { lb_endpoints, ..LocalityLbEndpoints::default() }];
    let message = ClusterLoadAssignment { cluster_name: name.to_owned(), endpoints };
    Resource::new(name.to_owned(), resource_type, &message)
}
