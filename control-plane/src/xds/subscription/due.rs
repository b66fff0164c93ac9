//! What a client is to be sent: its subscription against a snapshot.

use super::Subscription;
use super::names::{ClientHas, Name};
use crate::xds::{Lookup, Resource, Snapshot, Version};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a name that is gone adds to a response beside its characters, in bytes: the number of its field and its length.
const GONE_NAME_COST: usize = 5;

impl Subscription {
    /// Looks at which names a new snapshot changes.
    pub fn refresh(&mut self, snapshot: &Snapshot) {
        if let Some(since) = self.generation.replace(snapshot.generation()) {
            self.mark_changes(snapshot, since);
        }
        if std::mem::take(&mut self.all_unchecked) {
            self.unchecked.extend(snapshot.names(self.resource_type).into_iter().map(Arc::from));
        }
    }

    /// Whether there is nothing to look up.
    pub fn is_checked(&self) -> bool {
        self.unchecked.is_empty()
    }

    /// Whether the client is to be told that something is gone.
    pub fn has_gone(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Takes the resources that are new to the client, as many as fit in this number of bytes, but one if there is one.
    /// From then on the client has them.
    pub fn take_new(&mut self, snapshot: &Snapshot, mut room: usize) -> Vec<Arc<Resource>> {
        let mut new = Vec::new();
        while let Some(name) = self.unchecked.pop_first() {
            let Some(resource) = self.check(&name, snapshot) else { continue };
            if !new.is_empty() && resource.size() > room {
                self.unchecked.insert(name);
                break;
            }
            room = room.saturating_sub(resource.size());
            self.told(&name, ClientHas::Version(resource.version()));
            new.push(resource);
        }
        if self.unchecked.is_empty() {
            // An emptied set keeps memory.
            self.unchecked = BTreeSet::new();
        }
        new
    }

    /// Takes the names of which the client is to be told that there is nothing, as many as fit in this number of bytes.
    pub fn take_gone(&mut self, mut room: usize) -> Vec<Arc<str>> {
        let mut taken = Vec::new();
        while let Some(name) = self.gone.pop_first() {
            let size = name.len() + GONE_NAME_COST;
            if !taken.is_empty() && size > room {
                self.gone.insert(name);
                break;
            }
            room = room.saturating_sub(size);
            self.told(&name, ClientHas::Nothing);
            taken.push(name);
        }
        taken
    }

    /// Lets the client keep what is gone: there is no way to tell it.
    pub fn keep_gone(&mut self) {
        self.gone = BTreeSet::new();
    }

    /// Takes everything that the client is to have. What it has beside that is gone with this response.
    pub fn take_all(&mut self, snapshot: &Snapshot) -> Vec<Arc<Resource>> {
        self.take_gone(usize::MAX);
        let known: Vec<Arc<str>> = self.names.iter().map(|(key, _)| key.clone()).collect();
        let mut all = Vec::with_capacity(known.len());
        for name in known {
            match self.look_up(&name, snapshot) {
                Lookup::Found(resource) => all.push(resource),
                Lookup::Absent | Lookup::Declined(_) => self.told(&name, ClientHas::Nothing),
            }
        }
        all
    }

    /// Whether the client waits for a response even if there is nothing to put in it. Asking takes it.
    pub fn take_owed_answer(&mut self) -> bool {
        std::mem::take(&mut self.owes_answer)
    }

    /// One version for everything that the client has been sent.
    pub fn version(&self) -> Version {
        self.names.version()
    }

    /// The names that get no answer, each with the reason.
    pub fn declined(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.declined.iter()
    }

    fn mark_changes(&mut self, snapshot: &Snapshot, since: u64) {
        if let Some(changes) = snapshot.changed_since(since) {
            changes.for_each(|changed| self.mark_changed(snapshot, changed));
        } else {
            self.unchecked.extend(self.names.iter().map(|(key, _)| key.clone()));
            self.all_unchecked = self.wildcard.is_on();
        }
    }

    /// Looks at the fewer: what has changed, or what the client has.
    fn mark_changed(&mut self, snapshot: &Snapshot, changed: &BTreeSet<String>) {
        if !self.wildcard.is_on() && self.names.len() < changed.len() {
            let affected = self.names.iter().filter(|(key, _)| changed.contains(&***key));
            self.unchecked.extend(affected.map(|(key, _)| key.clone()));
            return;
        }
        for name in changed {
            if let Some(key) = self.names.key(name) {
                self.unchecked.insert(key.clone());
            } else if self.wildcard.is_on() && snapshot.lists(self.resource_type, name) {
                self.unchecked.insert(name.as_str().into());
            }
        }
    }

    /// Compares a name with what the client has. The resource is what is new.
    fn check(&mut self, name: &Arc<str>, snapshot: &Snapshot) -> Option<Arc<Resource>> {
        self.gone.remove(name);
        self.declined.remove(name);
        let client_has = self.names.get(name).map(|name| name.client_has);
        match self.look_up(name, snapshot) {
            Lookup::Found(resource) => {
                return (client_has != Some(ClientHas::Version(resource.version()))).then_some(resource);
            }
            Lookup::Absent if client_has.is_none_or(|has| has == ClientHas::Nothing) => {}
            Lookup::Absent => drop(self.gone.insert(name.clone())),
            Lookup::Declined(reason) => drop(self.declined.insert(name.clone(), reason)),
        }
        None
    }

    /// What the client is to have: what it names, and what its wildcard stands for.
    fn look_up(&self, name: &str, snapshot: &Snapshot) -> Lookup {
        let wanted = self.is_named(name) || (self.wildcard.is_on() && snapshot.lists(self.resource_type, name));
        if wanted { snapshot.get(self.resource_type, name) } else { Lookup::Absent }
    }

    fn told(&mut self, name: &Arc<str>, client_has: ClientHas) {
        let named = self.is_named(name);
        if named || client_has != ClientHas::Nothing {
            self.names.put(name, Name { named, client_has });
        } else {
            self.names.remove(name);
        }
    }
}
