//! The types that one stream serves to its client.

use super::{Answers, Introduction};
use crate::xds::subscription::Subscription;
use crate::xds::{Resource, ResourceType, Snapshot, TypeStatus, Version};
use std::sync::Arc;

/// What a stream knows of each type that its client has asked for, in their order.
#[derive(Debug, Default)]
pub(in crate::xds) struct Types([Option<Box<TypeState>>; ResourceType::ALL.len()]);

#[derive(Debug)]
pub(in crate::xds) struct TypeState {
    pub(in crate::xds) subscription: Subscription,
    pub(in crate::xds) answers: Answers,
}

impl Types {
    /// The order in which a client is told what is gone, after all that is new ("make before break" in Envoy's xDS
    /// protocol): first what refers to others.
    pub(in crate::xds) const REMOVALS: [ResourceType; 4] = [
        ResourceType::Listener,
        ResourceType::RouteConfiguration,
        ResourceType::Cluster,
        ResourceType::ClusterLoadAssignment,
    ];

    /// Whether nothing was asked of this type before.
    pub(in crate::xds) fn is_new(&self, resource_type: ResourceType) -> bool {
        self.0[resource_type.place()].is_none()
    }

    /// The state of a type, which begins now if there is none.
    pub(in crate::xds) fn entry(&mut self, resource_type: ResourceType) -> &mut TypeState {
        self.0[resource_type.place()].get_or_insert_with(|| Box::new(TypeState::new(resource_type)))
    }

    /// The subscription to a type that the client has asked for.
    pub(in crate::xds) fn subscription(&mut self, resource_type: ResourceType) -> Option<&mut Subscription> {
        self.0[resource_type.place()].as_mut().map(|state| &mut state.subscription)
    }

    /// Looks at what a new snapshot changes.
    pub(in crate::xds) fn refresh(&mut self, snapshot: &Snapshot) {
        self.0.iter_mut().flatten().for_each(|state| state.subscription.refresh(snapshot));
    }

    /// Whether nothing can be due but what is gone of this type.
    pub(in crate::xds) fn only_removals_remain_of(&self, resource_type: ResourceType) -> bool {
        self.known().all(|(other, state)| {
            state.subscription.is_checked() && (other == resource_type || !state.subscription.has_gone())
        })
    }

    /// Makes the endpoints of new clusters due again. Envoy keeps a changed cluster back until its endpoints come once
    /// more, also if they are the same, and does not always ask for them (envoyproxy/envoy#13009).
    pub(in crate::xds) fn send_assignments_again(&mut self, resource_type: ResourceType, new: &[Arc<Resource>]) {
        if resource_type != ResourceType::Cluster {
            return;
        }
        let Some(assignments) = self.subscription(ResourceType::ClusterLoadAssignment) else { return };
        new.iter().filter_map(|resource| resource.assignment()).for_each(|name| assignments.send_again(name));
    }

    /// Counts a response of this type as sent. Its nonce and the version that it brings the client to.
    pub(in crate::xds) fn sent(&mut self, resource_type: ResourceType, nonces: &mut Introduction) -> (String, Version) {
        let state = self.entry(resource_type);
        let (nonce, version) = (nonces.next_nonce(), state.subscription.version());
        state.answers.sent(nonce, version);
        (nonce.to_string(), version)
    }

    /// Where each type stands.
    pub(in crate::xds) fn status(&self) -> Vec<TypeStatus> {
        self.known().map(|(resource_type, state)| state.status(resource_type)).collect()
    }

    fn known(&self) -> impl Iterator<Item = (ResourceType, &TypeState)> {
        ResourceType::ALL
            .into_iter()
            .zip(&self.0)
            .filter_map(|(resource_type, state)| Some((resource_type, state.as_deref()?)))
    }
}

impl TypeState {
    fn new(resource_type: ResourceType) -> Self {
        Self { subscription: Subscription::new(resource_type), answers: Answers::default() }
    }

    fn status(&self, resource_type: ResourceType) -> TypeStatus {
        let declined = self.subscription.declined().map(|(name, reason)| (name.clone(), reason.clone()));
        TypeStatus {
            resource_type,
            wildcard: self.subscription.is_wildcard(),
            names: self.subscription.len(),
            resources: self.subscription.resources().take(TypeStatus::LISTED).collect(),
            sent: self.answers.last_sent(),
            acknowledged: self.answers.last_acknowledged(),
            rejected: self.answers.last_rejected().cloned(),
            declined: declined.collect(),
        }
    }
}
