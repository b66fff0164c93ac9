//! Who refers to what.

use ahash::HashMap;
use std::hash::Hash;

/// For each target, those that refer to it. Most have one or few.
#[derive(Debug)]
pub struct References<Target, Referrer>(HashMap<Target, Vec<Referrer>>);

impl<Target, Referrer> Default for References<Target, Referrer> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<Target: Eq + Hash, Referrer: PartialEq> References<Target, Referrer> {
    /// Those that refer to this target, in no order.
    pub fn to(&self, target: &Target) -> &[Referrer] {
        self.0.get(target).map_or(&[], Vec::as_slice)
    }

    /// `referrer` refers to `target`, if it did not already.
    pub fn insert(&mut self, target: Target, referrer: Referrer) {
        let referrers = self.0.entry(target).or_default();
        if !referrers.contains(&referrer) {
            referrers.reserve_exact(1);
            referrers.push(referrer);
        }
    }

    /// `referrer` does not refer to `target`, if it did.
    pub fn remove(&mut self, target: &Target, referrer: &Referrer) {
        let Some(referrers) = self.0.get_mut(target) else { return };
        referrers.retain(|known| known != referrer);
        if referrers.is_empty() {
            self.0.remove(target);
        }
    }
}
