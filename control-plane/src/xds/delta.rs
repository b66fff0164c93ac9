//! Delta: every request says what the client wants more of and less of.
//!
//! - Changes of the subscription count whatever the nonce is; the nonce only tells which response a NACK means.
//! - A name that is subscribed again is sent again: the client may have forgotten it. Only in the first request of a
//!   type `initial_resource_versions` say what need not be sent; in later ones they are ignored.
//! - A name in both lists of one request is not subscribed.
//! - EDS names are never removed, since Envoy would drop the name and keep its hosts: what does not exist is an empty
//!   assignment.

use super::stream::{DiscoveryStream, Introduction, Received, Rejected, Scope, Verdict};
use super::{ResourceType, Response, Snapshot, Subscription, Version};
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The server's side of one delta stream.
#[derive(Debug)]
pub struct DeltaStream {
    introduction: Introduction,
    subscriptions: BTreeMap<ResourceType, Subscription>,
}

impl DeltaStream {
    /// A stream on which nothing was said yet.
    pub fn new(scope: Scope) -> Self {
        Self { introduction: Introduction::new(scope), subscriptions: BTreeMap::new() }
    }

    fn subscribe(&mut self, resource_type: ResourceType, request: DeltaDiscoveryRequest) -> Result<(), Rejected> {
        let (subscription, initial_versions) = match self.subscriptions.entry(resource_type) {
            Entry::Vacant(entry) => (entry.insert(Subscription::new(resource_type)), request.initial_resource_versions),
            Entry::Occupied(entry) => (entry.into_mut(), BTreeMap::new()),
        };
        for name in request.resource_names_subscribe {
            subscription.subscribe(name)?;
        }
        for (name, version) in initial_versions {
            if let Some(version) = Version::parse(&version) {
                subscription.client_has(&name, version);
            }
        }
        request.resource_names_unsubscribe.iter().for_each(|name| subscription.unsubscribe(name));
        Ok(())
    }
}

impl DiscoveryStream for DeltaStream {
    type Request = DeltaDiscoveryRequest;

    fn request(&mut self, mut request: DeltaDiscoveryRequest) -> Result<Received, Rejected> {
        let Some(resource_type) = self.introduction.admit(request.node.take(), &request.type_url)? else {
            return Ok(Received { resource_type: None, verdict: Verdict::None });
        };
        let verdict = verdict(&mut request);
        self.subscribe(resource_type, request)?;
        Ok(Received { resource_type: Some(resource_type), verdict })
    }

    fn respond(&mut self, snapshot: &Snapshot) -> Option<Response> {
        self.subscriptions.iter_mut().find_map(|(resource_type, subscription)| {
            let due = subscription.take_due(snapshot);
            if due.is_empty() {
                return None;
            }
            let nonce = self.introduction.next_nonce();
            Some(Response::delta(*resource_type, nonce, subscription.version(), due))
        })
    }

    fn node(&self) -> Option<&Node> {
        self.introduction.node()
    }
}

fn verdict(request: &mut DeltaDiscoveryRequest) -> Verdict {
    match request.error_detail.take() {
        Some(status) => Verdict::Nack(status.message),
        None if request.response_nonce.is_empty() => Verdict::None,
        None => Verdict::Ack,
    }
}

#[cfg(test)]
mod tests;
