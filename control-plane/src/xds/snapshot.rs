//! All resources at one moment.

use super::{Resource, ResourceType};
use std::collections::HashMap;
use std::sync::Arc;

/// The resources of one type, by name.
pub type Resources = HashMap<String, Arc<Resource>>;

/// All resources at one moment, shared by all streams. It exists only when the source has been read completely: until
/// then there is none, and no stream is served.
#[derive(Clone, Debug)]
pub struct Snapshot {
    generation: u64,
    assignments: Resources,
    absent_assignment: fn(&str) -> Resource,
}

impl Snapshot {
    /// A snapshot of EDS resources.
    ///
    /// `generation` differs from that of every other snapshot with other content. `absent_assignment` makes the answer
    /// for a name that is not there. EDS needs one: Envoy ignores removals of assignments, and a cluster that gets no
    /// answer holds up its start.
    pub fn new(generation: u64, assignments: Resources, absent_assignment: fn(&str) -> Resource) -> Self {
        Self { generation, assignments, absent_assignment }
    }

    /// Which snapshot this is.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What a client that subscribed to this name is to have.
    pub fn get(&self, resource_type: ResourceType, name: &str) -> Arc<Resource> {
        match resource_type {
            ResourceType::ClusterLoadAssignment => {
                self.assignments.get(name).cloned().unwrap_or_else(|| Arc::new((self.absent_assignment)(name)))
            }
        }
    }

    /// The number of resources of a type.
    pub fn count(&self, resource_type: ResourceType) -> usize {
        match resource_type {
            ResourceType::ClusterLoadAssignment => self.assignments.len(),
        }
    }
}
