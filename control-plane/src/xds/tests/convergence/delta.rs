//! The delta client.

use super::holding::{ALL, Holding};
use super::{Client, Wish};
use crate::xds::ResourceType;
use crate::xds::testing::{CDS, DeltaClient, EDS, Sent, World};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub struct Delta {
    client: DeltaClient,
    holdings: BTreeMap<ResourceType, Holding>,
    /// The types of which something was asked on this stream.
    begun: BTreeSet<ResourceType>,
    /// The types whose wildcard was asked for by its name.
    explicit: BTreeSet<ResourceType>,
}

impl Delta {
    pub fn new() -> Self {
        let holdings = ResourceType::ALL.map(|resource_type| (resource_type, Holding::default())).into();
        Self { client: DeltaClient::new(), holdings, begun: BTreeSet::new(), explicit: BTreeSet::new() }
    }

    fn holding(&mut self, resource_type: ResourceType) -> &mut Holding {
        self.holdings.entry(resource_type).or_default()
    }

    fn begin(&mut self, resource_type: ResourceType, subscribes: bool) {
        if self.begun.insert(resource_type) && resource_type.has_wildcard() && !subscribes {
            self.holding(resource_type).enter_wildcard();
        }
    }

    /// To ask for everything by name what was asked for by name already means that it may be forgotten.
    fn subscribe_to_all(&mut self, resource_type: ResourceType) {
        self.client.subscribes(resource_type, &[ALL]);
        let again = !self.explicit.insert(resource_type);
        let holding = self.holding(resource_type);
        if again {
            let unnamed = holding.told.keys().filter(|name| !holding.named.contains(*name)).cloned();
            holding.awaited.extend(unnamed.collect::<Vec<_>>());
        }
        if again || !holding.wildcard {
            holding.enter_wildcard();
        }
    }

    fn unsubscribe_from_all(&mut self, resource_type: ResourceType) {
        self.client.unsubscribes(resource_type, &[ALL]);
        self.explicit.remove(&resource_type);
        self.holding(resource_type).leave_wildcard();
    }

    fn receive(&mut self, resource_type: ResourceType, resources: &[Sent], gone: &[String], world: &World) {
        let holding = self.holding(resource_type);
        let first = holding.awaited.remove(ALL);
        assert!(first || !resources.is_empty() || !gone.is_empty(), "an empty response");
        for (name, version) in resources {
            assert!(holding.wants(resource_type, name, world), "{name} is not wanted");
            let awaited = holding.awaited.remove(name);
            assert!(holding.receive(name, version.clone()) || awaited, "{name} was sent twice");
        }
        for name in gone {
            let awaited = holding.awaited.remove(name);
            assert!(holding.told.remove(name).is_some() || awaited, "{name} was removed twice");
        }
        assert!(resource_type != EDS || gone.is_empty());
        if resource_type == CDS {
            self.await_assignments(resources);
        }
    }

    fn await_assignments(&mut self, clusters: &[Sent]) {
        let assignments = self.holding(EDS);
        let named = clusters.iter().map(|(name, _)| name).filter(|name| assignments.named.contains(*name));
        assignments.awaited.extend(named.cloned().collect::<Vec<_>>());
    }
}

impl Client for Delta {
    fn wish(&mut self, resource_type: ResourceType, wish: Wish) {
        self.begin(resource_type, matches!(wish, Wish::Name(_) | Wish::All));
        match wish {
            Wish::Name(name) => {
                self.client.subscribes(resource_type, &[name]);
                self.holding(resource_type).name(name);
            }
            Wish::NotName(name) => {
                self.client.unsubscribes(resource_type, &[name]);
                self.holding(resource_type).unname(name);
            }
            Wish::All if resource_type.has_wildcard() => self.subscribe_to_all(resource_type),
            Wish::NotAll if resource_type.has_wildcard() => self.unsubscribe_from_all(resource_type),
            Wish::All | Wish::NotAll | Wish::Nothing => self.client.subscribes(resource_type, &[]),
        }
    }

    fn take(&mut self, world: &World, accepts: bool) -> bool {
        let Some((resource_type, resources, gone)) = self.client.receives(world) else { return false };
        self.receive(resource_type, &resources, &gone, world);
        if accepts {
            let names = resources.iter().map(|(name, _)| name).chain(&gone);
            names.for_each(|name| self.holding(resource_type).accept(name));
            self.client.accepts(resource_type);
        } else {
            self.client.rejects(resource_type);
        }
        true
    }

    fn reconnect(&mut self) {
        self.client = DeltaClient::new();
        for (resource_type, holding) in &mut self.holdings {
            if !self.begun.contains(resource_type) {
                continue;
            }
            holding.told.clone_from(&holding.accepted);
            let unknown = holding.named.iter().filter(|name| !holding.accepted.contains_key(*name)).cloned();
            holding.awaited = unknown.collect();
            if holding.wildcard {
                self.explicit.insert(*resource_type);
                holding.awaited.extend(holding.accepted.is_empty().then(|| ALL.to_owned()));
            }
            let names = holding.named.iter().map(String::as_str).chain(holding.wildcard.then_some(ALL));
            let has: Vec<_> = holding.accepted.iter().map(|(name, version)| (&**name, version.clone())).collect();
            let names: Vec<&str> = names.collect();
            if names.is_empty() {
                self.begun.remove(resource_type);
            } else {
                self.client.returns(*resource_type, &names, &has);
            }
        }
    }

    fn holdings(&self) -> &BTreeMap<ResourceType, Holding> {
        &self.holdings
    }

    fn is_told_what_is_gone(_: ResourceType) -> bool {
        true
    }
}
