//! What a client wants and has of one type, by its own account.

use crate::xds::testing::World;
use crate::xds::{Lookup, ResourceType};
use std::collections::{BTreeMap, BTreeSet};

/// Stands in `awaited` for the first answer to a wildcard.
pub const ALL: &str = "*";

#[derive(Debug, Default)]
pub struct Holding {
    pub named: BTreeSet<String>,
    pub wildcard: bool,
    /// The last word on each name: a version; no entry when there is nothing.
    pub told: BTreeMap<String, String>,
    /// What was accepted of it.
    pub accepted: BTreeMap<String, String>,
    /// What must be answered even if there is nothing new.
    pub awaited: BTreeSet<String>,
}

impl Holding {
    pub fn wants(&self, resource_type: ResourceType, name: &str, world: &World) -> bool {
        self.named.contains(name) || (self.wildcard && world.snapshot().lists(resource_type, name))
    }

    /// What the client is to have, by name. `None` for what is declined: it may have anything.
    pub fn expected(&self, resource_type: ResourceType, world: &World) -> BTreeMap<String, Option<String>> {
        let listed = if self.wildcard { world.snapshot().names(resource_type) } else { Vec::new() };
        let wanted: BTreeSet<String> = self.named.iter().cloned().chain(listed).collect();
        let expected = wanted.into_iter().filter_map(|name| match world.snapshot().get(resource_type, &name) {
            Lookup::Found(resource) => Some((name, Some(resource.version().to_string()))),
            Lookup::Declined(_) => Some((name, None)),
            Lookup::Absent => None,
        });
        expected.collect()
    }

    pub fn name(&mut self, name: &str) {
        self.named.insert(name.to_owned());
        self.awaited.insert(name.to_owned());
    }

    /// Under a wildcard the client keeps what it has until it is told.
    pub fn unname(&mut self, name: &str) {
        if self.named.remove(name) && self.wildcard {
            self.awaited.insert(name.to_owned());
        } else if !self.wildcard {
            self.forget(name);
        }
    }

    pub fn enter_wildcard(&mut self) {
        self.wildcard = true;
        self.awaited.insert(ALL.to_owned());
    }

    pub fn leave_wildcard(&mut self) {
        self.wildcard = false;
        self.told.retain(|name, _| self.named.contains(name));
        self.accepted.retain(|name, _| self.named.contains(name));
        self.awaited.retain(|name| self.named.contains(name));
    }

    /// A resource came. Says whether the client did not have this version.
    pub fn receive(&mut self, name: &str, version: String) -> bool {
        self.told.insert(name.to_owned(), version.clone()) != Some(version)
    }

    /// What was told of this name is now what the client has.
    pub fn accept(&mut self, name: &str) {
        match self.told.get(name) {
            Some(version) => drop(self.accepted.insert(name.to_owned(), version.clone())),
            None => drop(self.accepted.remove(name)),
        }
    }

    /// After everything that was due. Nobody tells the client of routes that are gone, in state of the world.
    pub fn check(&self, resource_type: ResourceType, tells_what_is_gone: bool, world: &World) {
        let expected = self.expected(resource_type, world);
        for (name, version) in &expected {
            let told = self.told.get(name);
            assert!(
                version.is_none() || told == version.as_ref(),
                "{resource_type:?} {name}: {told:?}, not {version:?}"
            );
        }
        let unexpected = |name: &&String| !expected.contains_key(*name);
        let declined = |name: &&String| expected.get(*name) == Some(&None);
        if tells_what_is_gone {
            assert_eq!(self.told.keys().find(unexpected), None, "{resource_type:?}: it is gone");
            assert_eq!(self.awaited.iter().find(|name| !declined(name)), None, "{resource_type:?}: no answer");
        }
    }

    fn forget(&mut self, name: &str) {
        self.told.remove(name);
        self.accepted.remove(name);
        self.awaited.remove(name);
    }
}
