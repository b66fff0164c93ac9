//! All resources at one moment.

use super::{Resource, ResourceType};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// This resource.
    Found(Arc<Resource>),
    /// Nothing; a client that subscribed to it is told so.
    Absent,
    /// Something that this server does not answer for, for the reason given. A client that subscribed to it gets no
    /// answer: a wrong one would take away what it has.
    Declined(Arc<str>),
}

/// Where resources are looked up. They may be made when they are first asked for; from then on they are shared.
pub trait Resources: fmt::Debug + Send + Sync {
    /// What a client that subscribed to this name is to have.
    ///
    /// EDS names are never [`Lookup::Absent`]: Envoy ignores removals of assignments, and a cluster that gets no answer
    /// holds up its start. What does not exist is an empty assignment.
    fn get(&self, resource_type: ResourceType, name: &str) -> Lookup;

    /// The names that a wildcard stands for, in order. Types without wildcard have none.
    fn names(&self, resource_type: ResourceType) -> Vec<String>;

    /// Whether a wildcard stands for this name, without making all names.
    fn lists(&self, resource_type: ResourceType, name: &str) -> bool;
}

/// All resources at one moment, shared by all streams. It exists only when the source has been read completely: until
/// then there is none, and no stream is served.
#[derive(Clone, Debug)]
pub struct Snapshot {
    generation: u64,
    resources: Arc<dyn Resources>,
    /// What the newest generations changed, the newest last.
    changes: VecDeque<Arc<BTreeSet<String>>>,
}

impl Snapshot {
    /// Changes are remembered for so many generations. A stream that is further behind looks at all its names.
    const REMEMBERED: usize = 64;

    /// The first snapshot.
    pub fn new(resources: Arc<dyn Resources>) -> Self {
        Self { generation: 1, resources, changes: VecDeque::new() }
    }

    /// The snapshot after this one. `changed` has every name, of any type, whose resource may differ.
    #[must_use]
    pub fn next(&self, resources: Arc<dyn Resources>, changed: BTreeSet<String>) -> Self {
        let mut remembered = self.changes.clone();
        remembered.push_back(Arc::new(changed));
        while remembered.len() > Self::REMEMBERED {
            remembered.pop_front();
        }
        Self { generation: self.generation + 1, resources, changes: remembered }
    }

    /// Which snapshot this is; each is one more than the one before.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// As [`Resources::get`].
    pub fn get(&self, resource_type: ResourceType, name: &str) -> Lookup {
        self.resources.get(resource_type, name)
    }

    /// As [`Resources::names`].
    pub fn names(&self, resource_type: ResourceType) -> Vec<String> {
        self.resources.names(resource_type)
    }

    /// As [`Resources::lists`].
    pub fn lists(&self, resource_type: ResourceType, name: &str) -> bool {
        self.resources.lists(resource_type, name)
    }

    /// The names that may differ from what they were in an earlier generation, one set per generation since; `None` when
    /// that is not known, because it is too long ago.
    pub fn changed_since(&self, generation: u64) -> Option<impl Iterator<Item = &BTreeSet<String>>> {
        let behind = usize::try_from(self.generation.checked_sub(generation)?).ok()?;
        let first = self.changes.len().checked_sub(behind)?;
        Some(self.changes.iter().skip(first).map(AsRef::as_ref))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Nothing;

    impl Resources for Nothing {
        fn get(&self, _: ResourceType, _: &str) -> Lookup {
            Lookup::Absent
        }

        fn names(&self, _: ResourceType) -> Vec<String> {
            Vec::new()
        }

        fn lists(&self, _: ResourceType, _: &str) -> bool {
            false
        }
    }

    fn after(changes: &[&str]) -> Snapshot {
        let first = Snapshot::new(Arc::new(Nothing));
        changes.iter().fold(first, |snapshot, name| snapshot.next(Arc::new(Nothing), [(*name).to_owned()].into()))
    }

    fn changed(snapshot: &Snapshot, since: u64) -> Option<Vec<String>> {
        Some(snapshot.changed_since(since)?.flatten().cloned().collect())
    }

    #[test]
    fn changes_since_a_generation_are_those_of_the_generations_after_it() {
        let snapshot = after(&["b", "c"]);
        assert_eq!(snapshot.generation(), 3);
        assert_eq!(changed(&snapshot, 3), Some(vec![]));
        assert_eq!(changed(&snapshot, 2), Some(vec!["c".to_owned()]));
        assert_eq!(changed(&snapshot, 1), Some(vec!["b".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn what_is_too_long_ago_or_yet_to_come_is_not_known() {
        let snapshot = after(&["a"; 100]);
        assert_eq!(changed(&snapshot, 101 - 64).map(|names| names.len()), Some(64));
        assert_eq!(changed(&snapshot, 101 - 65), None);
        assert_eq!(changed(&snapshot, 102), None);
    }
}
