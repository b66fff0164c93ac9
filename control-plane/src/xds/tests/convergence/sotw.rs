//! The state-of-the-world client.

use super::holding::{ALL, Holding};
use super::{Client, Wish};
use crate::xds::ResourceType;
use crate::xds::testing::{CDS, EDS, RDS, Sent, SotwClient, World};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub struct Sotw {
    client: SotwClient,
    holdings: BTreeMap<ResourceType, Holding>,
    /// The types of which names were given on this stream: no names are none from now on, not all.
    given: BTreeSet<ResourceType>,
    /// The types whose wildcard is asked for by its name.
    explicit: BTreeSet<ResourceType>,
}

impl Sotw {
    pub fn new() -> Self {
        let holdings = ResourceType::ALL.map(|resource_type| (resource_type, Holding::default())).into();
        Self { client: SotwClient::new(), holdings, given: BTreeSet::new(), explicit: BTreeSet::new() }
    }

    fn holding(&mut self, resource_type: ResourceType) -> &mut Holding {
        self.holdings.entry(resource_type).or_default()
    }

    /// All names that are wanted. A wildcard has to be named beside others.
    fn names(&mut self, resource_type: ResourceType) -> Vec<String> {
        let wildcard = self.holding(resource_type).wildcard;
        if wildcard && !self.holding(resource_type).named.is_empty() {
            self.explicit.insert(resource_type);
        }
        let explicit = self.explicit.contains(&resource_type).then(|| ALL.to_owned());
        self.holding(resource_type).named.iter().cloned().chain(explicit).collect()
    }

    fn send(&mut self, resource_type: ResourceType, accepts: bool) {
        let names = self.names(resource_type);
        if !names.is_empty() {
            self.given.insert(resource_type);
        } else if !self.given.contains(&resource_type) && resource_type.has_wildcard() {
            let holding = self.holding(resource_type);
            if !holding.wildcard {
                holding.enter_wildcard();
            }
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if accepts {
            self.client.wants(resource_type, &names)
        } else {
            self.client.rejects(resource_type, &names)
        };
    }

    fn receive(&mut self, resource_type: ResourceType, resources: &[Sent], world: &World) {
        let changed: Vec<String> = resources
            .iter()
            .filter(|resource| self.is_due(resource_type, resource))
            .map(|(name, _)| name.clone())
            .collect();
        let holding = self.holding(resource_type);
        if resource_type.is_full_state() {
            let all: BTreeMap<String, String> = resources.iter().cloned().collect();
            assert!(all != holding.told || !holding.awaited.is_empty(), "{all:?} was sent twice");
            let expected = holding.expected(resource_type, world).into_iter();
            assert_eq!(all, expected.filter_map(|(name, version)| Some((name, version?))).collect());
            holding.told = all;
            holding.awaited.clear();
        } else {
            assert_eq!(changed.len(), resources.len(), "sent twice: {resources:?}");
            for (name, version) in resources {
                assert!(holding.named.contains(name), "{name} is not wanted");
                holding.receive(name, version.clone());
                holding.awaited.remove(name);
            }
        }
        if resource_type == CDS {
            let assignments = self.holding(EDS);
            assignments
                .awaited
                .extend(changed.into_iter().filter(|name| assignments.named.contains(name)).collect::<Vec<_>>());
        }
    }

    fn is_due(&self, resource_type: ResourceType, (name, version): &Sent) -> bool {
        let holding = &self.holdings[&resource_type];
        holding.told.get(name) != Some(version) || holding.awaited.contains(name)
    }
}

impl Client for Sotw {
    fn wish(&mut self, resource_type: ResourceType, wish: Wish) {
        let supported = resource_type.has_wildcard();
        let holding = self.holdings.entry(resource_type).or_default();
        match wish {
            Wish::Name(name) if !holding.named.contains(name) => holding.name(name),
            Wish::NotName(name) => holding.unname(name),
            Wish::All if supported => {
                self.explicit.insert(resource_type);
                if !holding.wildcard {
                    holding.enter_wildcard();
                }
            }
            // What was never asked for by its name cannot be taken back.
            Wish::NotAll if self.explicit.remove(&resource_type) && self.given.contains(&resource_type) => {
                holding.leave_wildcard();
            }
            _ => {}
        }
        self.send(resource_type, true);
    }

    fn take(&mut self, world: &World, accepts: bool) -> bool {
        let Some((resource_type, resources)) = self.client.receives(world) else { return false };
        self.receive(resource_type, &resources, world);
        if accepts {
            let holding = self.holding(resource_type);
            if resource_type.is_full_state() {
                holding.accepted.clone_from(&holding.told);
            }
            for (name, _) in &resources {
                holding.accept(name);
            }
        }
        self.send(resource_type, accepts);
        true
    }

    fn reconnect(&mut self) {
        self.client = SotwClient::new();
        self.given.clear();
        for resource_type in ResourceType::ALL {
            let holding = self.holding(resource_type);
            holding.told.clone_from(&holding.accepted);
            holding.awaited = holding.named.clone();
            holding.awaited.extend(holding.wildcard.then(|| ALL.to_owned()));
            if holding.wildcard || !holding.named.is_empty() {
                self.send(resource_type, true);
            }
        }
    }

    fn holdings(&self) -> &BTreeMap<ResourceType, Holding> {
        &self.holdings
    }

    fn is_told_what_is_gone(resource_type: ResourceType) -> bool {
        resource_type != RDS
    }
}
