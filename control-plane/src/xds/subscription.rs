//! What one stream wants of one type, and what of it the client has.

mod due;
mod names;
mod wildcard;

use super::{ResourceType, Version};
use names::{ClientHas, Name, Names};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wildcard::Wildcard;

/// The names of one type that a client wants, each with the version that the client has as far as we know: the one that
/// was sent, whether it was accepted or rejected, or the one that a reconnecting client said it still has.
///
/// A rejected version counts as sent, so that it is sent again only when the content changes.
///
/// A name whose resource may differ from what the client has is *unchecked*: one that was just added, and one that a new
/// snapshot says has changed. Only these are looked up.
///
/// A stream with one name takes 1.1 KB beside what its transport takes, each further name of 30 characters about 125 bytes.
#[derive(Debug)]
pub struct Subscription {
    resource_type: ResourceType,
    wildcard: Wildcard,
    names: Names,
    unchecked: BTreeSet<Arc<str>>,
    /// Every name that a wildcard stands for is unchecked.
    all_unchecked: bool,
    /// What the names that are not unchecked were compared with.
    generation: Option<u64>,
    /// What was found to be absent, while the client may think that it is there.
    gone: BTreeSet<Arc<str>>,
    /// What gets no answer, and why.
    declined: BTreeMap<Arc<str>, Arc<str>>,
    /// The client waits for a response even if there is nothing to put in it.
    owes_answer: bool,
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

    /// A subscription of which nothing was said yet.
    pub fn new(resource_type: ResourceType) -> Self {
        Self {
            resource_type,
            wildcard: Wildcard::new(resource_type),
            names: Names::default(),
            unchecked: BTreeSet::new(),
            all_unchecked: false,
            generation: None,
            gone: BTreeSet::new(),
            declined: BTreeMap::new(),
            owes_answer: false,
        }
    }

    /// Takes the names of a state-of-the-world request: these and no others are wanted. Those that stay are not due again.
    pub fn replace(&mut self, mut names: Vec<String>) -> Result<(), TooManyNames> {
        self.turn(self.wildcard.after_all(&names));
        names.retain(|name| !self.wildcard.is_meant_by(name));
        names.sort_unstable();
        names.dedup();
        if self.named().map(|name| &**name).eq(names.iter()) {
            return Ok(());
        }
        let dropped: Vec<Arc<str>> = self
            .named()
            .filter(|name| names.binary_search_by(|wanted| (**wanted).cmp(name)).is_err())
            .cloned()
            .collect();
        for name in &dropped {
            self.unsubscribe(name);
        }
        for name in names {
            if !self.is_named(&name) {
                self.subscribe(&name)?;
            }
        }
        Ok(())
    }

    /// Takes the names of a delta request. Names that are subscribed again are due again: the client may have forgotten
    /// them. A name in both lists is not subscribed.
    pub fn update(&mut self, subscribe: &[String], unsubscribe: &[String]) -> Result<(), TooManyNames> {
        self.turn(self.wildcard.before_more(subscribe));
        for name in subscribe {
            if self.wildcard.is_meant_by(name) { self.subscribe_to_all() } else { self.subscribe(name)? }
        }
        for name in unsubscribe {
            if self.wildcard.is_meant_by(name) { self.turn(Wildcard::Off) } else { self.unsubscribe(name) }
        }
        Ok(())
    }

    /// Takes what a client that comes back has already. That is knowledge and no subscription: names that it does not want
    /// are ignored. Versions that are not ours are of unknown content.
    pub fn client_has(&mut self, versions: &BTreeMap<String, String>) -> Result<(), TooManyNames> {
        let cost: usize = versions.keys().map(|name| name.len() + Names::COST).sum();
        if self.names.cost() + cost > Self::MAX_SIZE {
            return Err(TooManyNames);
        }
        for (name, version) in versions {
            let named = self.is_named(name);
            if named || self.wildcard.is_on() {
                let client_has = Version::parse(version).map_or(ClientHas::Unknown, ClientHas::Version);
                self.recheck(name, Name { named, client_has });
                // It has had its first answer on an earlier stream.
                self.owes_answer = false;
            }
        }
        Ok(())
    }

    /// Makes a name due again, if the client asks for it.
    pub fn send_again(&mut self, name: &str) {
        if self.is_named(name) {
            self.recheck(name, Name { named: true, client_has: ClientHas::Unknown });
        }
    }

    /// Whether the client wants all resources of the type.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard.is_on()
    }

    /// What the client asks for or has, in order, each with the version that it was sent.
    pub fn resources(&self) -> impl Iterator<Item = (Arc<str>, Option<Version>)> {
        self.names.iter().map(|(key, name)| (key.clone(), name.client_has.version()))
    }

    /// How many resources the client asks for by name.
    pub fn len(&self) -> usize {
        self.names.named()
    }

    /// Whether the client asks for none by name.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn named(&self) -> impl Iterator<Item = &Arc<str>> {
        self.names.iter().filter(|(_, name)| name.named).map(|(key, _)| key)
    }

    fn is_named(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|name| name.named)
    }

    fn subscribe(&mut self, name: &str) -> Result<(), TooManyNames> {
        self.recheck(name, Name { named: true, client_has: ClientHas::Unknown });
        if self.names.cost() > Self::MAX_SIZE { Err(TooManyNames) } else { Ok(()) }
    }

    /// Drops a name; one that is not there is ignored. While there is a wildcard the client cannot know whether it still
    /// has the resource through that, so it waits for word.
    fn unsubscribe(&mut self, name: &str) {
        match (self.is_named(name), self.wildcard.is_on()) {
            (true, true) => self.recheck(name, Name { named: false, client_has: ClientHas::Unknown }),
            (true, false) => self.forget(name),
            (false, _) => {}
        }
    }

    /// To say `*` instead of nothing is no change. To say `*` again is: the client may have forgotten what it had.
    fn subscribe_to_all(&mut self) {
        if self.wildcard == Wildcard::Explicit {
            for name in self.names.unnamed() {
                self.recheck(&name, Name { named: false, client_has: ClientHas::Unknown });
            }
            self.check_all();
        }
        self.turn(Wildcard::Explicit);
    }

    fn turn(&mut self, wildcard: Wildcard) {
        match (self.wildcard.is_on(), wildcard.is_on()) {
            (false, true) => self.check_all(),
            (true, false) => self.leave_wildcard(),
            _ => {}
        }
        self.wildcard = wildcard;
    }

    fn check_all(&mut self) {
        self.all_unchecked = true;
        self.owes_answer = true;
    }

    fn leave_wildcard(&mut self) {
        self.all_unchecked = false;
        self.owes_answer = false;
        self.names.unnamed().iter().for_each(|name| self.forget(name));
        self.unchecked.retain(|name| self.names.get(name).is_some());
        self.declined.retain(|name, _| self.names.get(name).is_some());
    }

    fn recheck(&mut self, name: &str, knowledge: Name) {
        let key = self.names.key(name).cloned().unwrap_or_else(|| name.into());
        self.names.put(&key, knowledge);
        self.unchecked.insert(key);
    }

    fn forget(&mut self, name: &str) {
        self.names.remove(name);
        self.unchecked.remove(name);
        self.gone.remove(name);
        self.declined.remove(name);
    }
}

#[cfg(test)]
mod tests;
