//! Delta: every request says what the client wants more of and less of.
//!
//! - Changes of the subscription count whatever the nonce is; the nonce only tells which response is accepted or rejected.
//! - A name that is subscribed again is sent again: the client may have forgotten it. Only in the first request of a
//!   type `initial_resource_versions` say what need not be sent; in later ones they are ignored.
//! - A name in both lists of one request is not subscribed; `*` in both is a subscription to nothing.
//! - No names in the first request for listeners or clusters are a wildcard, which only unsubscribing `*` ends. Its first
//!   answer comes even if there is nothing, unless the client has had it on an earlier stream.
//! - While there is a wildcard, unsubscribing a name is answered with the resource or its removal.
//! - What is gone is said once, after what is new of all types. EDS names are never removed, since Envoy would drop the
//!   name and keep its hosts: what does not exist is an empty assignment.

use super::stream::{DiscoveryStream, Introduction, RESPONSE_SIZE, Received, Rejected, Scope, Types, Verdict};
use super::{Resource, ResourceType, Response, Snapshot, TypeStatus};
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use std::sync::Arc;

/// The server's side of one delta stream.
#[derive(Debug)]
pub struct DeltaStream {
    introduction: Introduction,
    types: Types,
}

impl DeltaStream {
    /// A stream on which nothing was said yet.
    pub fn new(scope: Scope) -> Self {
        Self { introduction: Introduction::new(scope), types: Types::default() }
    }

    fn new_resources(&mut self, snapshot: &Snapshot) -> Option<Response> {
        ResourceType::ALL.into_iter().find_map(|resource_type| self.new_of(resource_type, snapshot))
    }

    fn new_of(&mut self, resource_type: ResourceType, snapshot: &Snapshot) -> Option<Response> {
        let subscription = self.types.subscription(resource_type)?;
        let new = subscription.take_new(snapshot, RESPONSE_SIZE);
        let owed = subscription.take_owed_answer();
        if new.is_empty() && !owed {
            return None;
        }
        self.types.send_assignments_again(resource_type, &new);
        let last = self.types.only_removals_remain_of(resource_type);
        let gone = if last { self.gone_beside(resource_type, &new) } else { Vec::new() };
        Some(self.response(resource_type, new, &gone))
    }

    /// With the last of what is new, what is gone saves a response of its own.
    fn gone_beside(&mut self, resource_type: ResourceType, new: &[Arc<Resource>]) -> Vec<Arc<str>> {
        let used: usize = new.iter().map(|resource| resource.size()).sum();
        match (RESPONSE_SIZE.checked_sub(used), self.types.subscription(resource_type)) {
            (Some(room), Some(subscription)) => subscription.take_gone(room),
            _ => Vec::new(),
        }
    }

    fn removals(&mut self) -> Option<Response> {
        Types::REMOVALS.into_iter().find_map(|resource_type| {
            let gone = self.types.subscription(resource_type)?.take_gone(RESPONSE_SIZE);
            (!gone.is_empty()).then(|| self.response(resource_type, Vec::new(), &gone))
        })
    }

    fn response(&mut self, resource_type: ResourceType, new: Vec<Arc<Resource>>, gone: &[Arc<str>]) -> Response {
        let (nonce, version) = self.types.sent(resource_type, &mut self.introduction);
        Response::delta(resource_type, nonce, version, new, gone)
    }
}

impl DiscoveryStream for DeltaStream {
    type Request = DeltaDiscoveryRequest;

    fn request(&mut self, request: DeltaDiscoveryRequest) -> Result<Received, Rejected> {
        let Some(resource_type) = self.introduction.admit(request.node, &request.type_url)? else {
            return Ok(Received { resource_type: None, verdict: Verdict::None });
        };
        let first = self.types.is_new(resource_type);
        let state = self.types.entry(resource_type);
        let error = request.error_detail.map(|status| status.message);
        let verdict = state.answers.answer(&request.response_nonce, error);
        state.subscription.update(&request.resource_names_subscribe, &request.resource_names_unsubscribe)?;
        if first {
            state.subscription.client_has(&request.initial_resource_versions)?;
        }
        Ok(Received { resource_type: Some(resource_type), verdict })
    }

    fn respond(&mut self, snapshot: &Snapshot) -> Option<Response> {
        self.types.refresh(snapshot);
        self.new_resources(snapshot).or_else(|| self.removals())
    }

    fn node(&self) -> Option<&Node> {
        self.introduction.node()
    }

    fn status(&self) -> Vec<TypeStatus> {
        self.types.status()
    }
}

#[cfg(test)]
mod tests;
