//! What one stream wants of one type, and which version of it the client has.

use super::{Lookup, Resource, ResourceType, Snapshot, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The names of one type that a client wants, each with the version that the client has as far as we know: the one that
/// was sent, whether it was accepted or rejected, or the one that a reconnecting client said it still has.
///
/// Every name is a name: there is no wildcard, since the types that have one, listeners and clusters, are not served.
/// A rejected version counts as sent, so that it is sent again only when the content changes.
#[derive(Debug)]
pub struct Subscription {
    resource_type: ResourceType,
    names: BTreeMap<String, Option<Version>>,
    /// What the names cost, in bytes.
    size: usize,
    /// The snapshot of which everything was sent, unless names were added since.
    settled: Option<u64>,
}

/// More names than one stream may ask for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the names of one subscription need more than {} bytes; subscribe to fewer on one stream",
    Subscription::MAX_SIZE
)]
pub struct TooManyNames;

impl Subscription {
    /// What the names of one subscription may cost together, in bytes.
    pub const MAX_SIZE: usize = 16 << 20;
    /// What a name costs beside its characters, in bytes.
    const NAME_COST: usize = 64;
    /// A response is closed when it has this many bytes; the rest goes into the next one. Clients refuse messages of
    /// more than 4 MiB by default. A single resource that is larger goes alone.
    const RESPONSE_SIZE: usize = 3 << 20;

    /// A subscription to nothing.
    pub fn new(resource_type: ResourceType) -> Self {
        Self { resource_type, names: BTreeMap::new(), size: 0, settled: None }
    }

    /// Adds a name. One that is there already is due again: the client may have forgotten it.
    pub fn subscribe(&mut self, name: String) -> Result<(), TooManyNames> {
        self.settled = None;
        let cost = name.len() + Self::NAME_COST;
        if self.names.insert(name, None).is_none() {
            self.size += cost;
        }
        if self.size > Self::MAX_SIZE { Err(TooManyNames) } else { Ok(()) }
    }

    /// Drops a name; one that is not there is ignored. Added again later, it is due again.
    pub fn unsubscribe(&mut self, name: &str) {
        if self.names.remove(name).is_some() {
            self.size -= name.len() + Self::NAME_COST;
        }
    }

    /// Wants these names and no others. Says whether that is a change. Those that stay are not due again.
    pub fn replace(&mut self, names: Vec<String>) -> Result<bool, TooManyNames> {
        let wanted: BTreeSet<String> = names.into_iter().collect();
        let dropped: Vec<String> = self.names.keys().filter(|name| !wanted.contains(*name)).cloned().collect();
        for name in &dropped {
            self.unsubscribe(name);
        }
        let mut changed = !dropped.is_empty();
        for name in wanted {
            if !self.names.contains_key(&name) {
                self.subscribe(name)?;
                changed = true;
            }
        }
        Ok(changed)
    }

    /// The client has this version of a name already. It is knowledge, not a subscription: other names are ignored.
    pub fn client_has(&mut self, name: &str, version: Version) {
        if let Some(known) = self.names.get_mut(name) {
            *known = Some(version);
        }
    }

    /// Takes what is due, as much as fits in one response; from then on the client has it. Empty when nothing is due.
    pub fn take_due(&mut self, snapshot: &Snapshot) -> Vec<Arc<Resource>> {
        if self.settled == Some(snapshot.generation()) {
            return Vec::new();
        }
        let mut due = Vec::new();
        let mut size = 0;
        for (name, known) in &mut self.names {
            let Lookup::Found(resource) = snapshot.get(self.resource_type, name) else { continue };
            if *known == Some(resource.version()) {
                continue;
            }
            if size > 0 && size + resource.size() > Self::RESPONSE_SIZE {
                return due;
            }
            size += resource.size();
            *known = Some(resource.version());
            due.push(resource);
        }
        self.settled = Some(snapshot.generation());
        due
    }

    /// One version for everything that the client has been sent.
    pub fn version(&self) -> Version {
        Version::of_all(self.names.iter().filter_map(|(name, known)| Some((name.as_str(), (*known)?))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{names, snapshot};
    use super::*;

    const EDS: ResourceType = ResourceType::ClusterLoadAssignment;

    fn subscription(wanted: &[&str]) -> Subscription {
        let mut subscription = Subscription::new(EDS);
        subscription.replace(wanted.iter().map(ToString::to_string).collect()).unwrap();
        subscription
    }

    #[test]
    fn what_was_taken_is_not_due_again() {
        let mut subscription = subscription(&["a", "b"]);
        let snapshot = snapshot(1, &[("a", 1), ("b", 1)]);
        assert_eq!(names(&subscription.take_due(&snapshot)), ["a", "b"]);
        assert_eq!(names(&subscription.take_due(&snapshot)), [""; 0]);
    }

    #[test]
    fn only_what_changed_is_due() {
        let mut subscription = subscription(&["a", "b"]);
        subscription.take_due(&snapshot(1, &[("a", 1), ("b", 1)]));
        assert_eq!(names(&subscription.take_due(&snapshot(2, &[("a", 1), ("b", 2)]))), ["b"]);
    }

    #[test]
    fn a_name_added_after_everything_was_sent_is_due() {
        let mut subscription = subscription(&["a"]);
        let snapshot = snapshot(1, &[("a", 1), ("b", 1)]);
        subscription.take_due(&snapshot);
        subscription.subscribe("b".into()).unwrap();
        assert_eq!(names(&subscription.take_due(&snapshot)), ["b"]);
    }

    #[test]
    fn a_large_response_is_split_and_nothing_is_left_out() {
        let all: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
        let mut subscription = Subscription::new(EDS);
        subscription.replace(all.clone()).unwrap();
        let large: Vec<(&str, u32)> = all.iter().map(|name| (name.as_str(), 20_000)).collect();
        let snapshot = snapshot(1, &large);
        let mut taken = Vec::new();
        let mut responses = 0;
        loop {
            let due = subscription.take_due(&snapshot);
            if due.is_empty() {
                break;
            }
            assert!(due.iter().map(|resource| resource.size()).sum::<usize>() <= Subscription::RESPONSE_SIZE);
            taken.extend(names(&due).iter().map(ToString::to_string));
            responses += 1;
        }
        assert_eq!(taken, all);
        assert!(responses > 1);
    }

    #[test]
    fn names_are_limited_and_dropping_some_makes_room() {
        let mut subscription = Subscription::new(EDS);
        let long = |number: u32| format!("{number}{}", "x".repeat(1 << 20));
        (0..15).for_each(|number| subscription.subscribe(long(number)).unwrap());
        assert_eq!(subscription.subscribe(long(15)), Err(TooManyNames));
        subscription.unsubscribe(&long(0));
        subscription.unsubscribe(&long(15));
        assert_eq!(subscription.subscribe(long(16)), Ok(()));
    }
}
