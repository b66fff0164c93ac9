//! The names of one subscription, and what the client has of each.

use crate::xds::Version;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every name that the client asks for, and every other that it has through a wildcard.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<Arc<str>, Name>,
    named: usize,
    cost: usize,
    version: Version,
}

/// One name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// Whether the client asks for it by name.
    pub(super) named: bool,
    /// What the client has of it.
    pub(super) client_has: ClientHas,
}

/// What the client has of a name, as far as it was told. Whether it liked it makes no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientHas {
    /// It may have anything, or nothing, and waits for word.
    Unknown,
    /// It was told that there is nothing.
    Nothing,
    /// It was sent this version, or says that it has it.
    Version(Version),
}

impl ClientHas {
    /// The version that it was sent.
    pub(super) fn version(self) -> Option<Version> {
        match self {
            Self::Version(version) => Some(version),
            Self::Unknown | Self::Nothing => None,
        }
    }
}

impl Name {
    /// Names that a client makes up take memory. Those of resources that exist are as many as there are resources.
    fn is_made_up(self) -> bool {
        self.named || self.client_has == ClientHas::Unknown
    }
}

impl Names {
    /// What a name costs beside its characters, in bytes.
    pub(super) const COST: usize = 64;

    /// What is known of a name.
    pub(super) fn get(&self, name: &str) -> Option<Name> {
        self.known.get(name).copied()
    }

    /// The shared form of a name that is known.
    pub(super) fn key(&self, name: &str) -> Option<&Arc<str>> {
        self.known.get_key_value(name).map(|(key, _)| key)
    }

    /// Sets what is known of a name.
    pub(super) fn put(&mut self, key: &Arc<str>, name: Name) {
        self.count(key, name);
        if let Some(before) = self.known.insert(key.clone(), name) {
            self.discount(key, before);
        }
    }

    /// Forgets a name.
    pub(super) fn remove(&mut self, key: &str) {
        if let Some(before) = self.known.remove(key) {
            self.discount(key, before);
        }
    }

    /// All names, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, Name)> {
        self.known.iter().map(|(key, name)| (key, *name))
    }

    /// Those that the client has only through a wildcard.
    pub(super) fn unnamed(&self) -> Vec<Arc<str>> {
        self.iter().filter(|(_, name)| !name.named).map(|(key, _)| key.clone()).collect()
    }

    /// How many are known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// How many the client asks for by name.
    pub(super) fn named(&self) -> usize {
        self.named
    }

    /// What the names that the client has made up cost, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// One version for everything that the client has.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    fn count(&mut self, key: &str, name: Name) {
        self.named += usize::from(name.named);
        self.cost += if name.is_made_up() { key.len() + Self::COST } else { 0 };
        if let ClientHas::Version(version) = name.client_has {
            self.version = self.version.and(version);
        }
    }

    fn discount(&mut self, key: &str, name: Name) {
        self.named -= usize::from(name.named);
        self.cost -= if name.is_made_up() { key.len() + Self::COST } else { 0 };
        if let ClientHas::Version(version) = name.client_has {
            self.version = self.version.without(version);
        }
    }
}
