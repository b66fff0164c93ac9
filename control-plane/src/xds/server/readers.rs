//! Who may read endpoints.

use super::peer::Peer;
use crate::trust::{Evidence, Trust};
use http::HeaderMap;
use std::collections::BTreeSet;

/// Workloads of some namespaces, who have proven to be such.
#[derive(Clone, Debug)]
pub struct Readers {
    trust: Trust,
    namespaces: BTreeSet<String>,
}

impl Readers {
    /// Those of these namespaces.
    pub fn new(trust: Trust, namespaces: impl IntoIterator<Item = String>) -> Self {
        Self { trust, namespaces: namespaces.into_iter().collect() }
    }

    /// Whether the sender of a request is one of them.
    pub(super) fn include(&self, peer: &Peer, headers: &HeaderMap) -> bool {
        let caller = self.trust.caller(peer.address().ip(), Evidence::new(peer.uri_names(), headers));
        caller.identities.iter().any(|identity| self.namespaces.contains(&identity.namespace))
    }
}
