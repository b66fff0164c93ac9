//! State of the world: every request names everything that the client wants.
//!
//! - A request whose nonce is not the last one of its type is stale and ignored; the client will answer the newer
//!   response too, with all its names. The first request of a type may carry any nonce: it is from an earlier stream.
//! - Names that stay are not sent again, those that were dropped and come back are.
//! - A response with listeners or clusters has all that the client is to have, none if there are none, and cannot be
//!   divided. A declined one is not among them. Of the other types a response has what is new; what is gone is not said.
//! - An empty list of names is a wildcard for listeners and clusters until the client has given a name, else it is a
//!   subscription to nothing.
//! - What is gone is said after what is new of all types, unless something new of the same type is due: a response that
//!   has everything says both.

use super::stream::{DiscoveryStream, Introduction, RESPONSE_SIZE, Received, Rejected, Scope, Types, Verdict};
use super::{Resource, ResourceType, Response, Snapshot, TypeStatus};
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryRequest;
use std::sync::Arc;

/// The server's side of one state-of-the-world stream.
#[derive(Debug)]
pub struct SotwStream {
    introduction: Introduction,
    types: Types,
}

impl SotwStream {
    /// A stream on which nothing was said yet.
    pub fn new(scope: Scope) -> Self {
        Self { introduction: Introduction::new(scope), types: Types::default() }
    }

    fn new_resources(&mut self, snapshot: &Snapshot) -> Option<Response> {
        ResourceType::ALL.into_iter().find_map(|resource_type| self.new_of(resource_type, snapshot))
    }

    fn new_of(&mut self, resource_type: ResourceType, snapshot: &Snapshot) -> Option<Response> {
        let subscription = self.types.subscription(resource_type)?;
        let room = if resource_type.is_full_state() { usize::MAX } else { RESPONSE_SIZE };
        let new = subscription.take_new(snapshot, room);
        let owed = subscription.take_owed_answer();
        if new.is_empty() && !owed {
            return None;
        }
        self.types.send_assignments_again(resource_type, &new);
        let resources = if resource_type.is_full_state() { self.all_of(resource_type, snapshot) } else { new };
        Some(self.response(resource_type, resources))
    }

    fn removals(&mut self, snapshot: &Snapshot) -> Option<Response> {
        Types::REMOVALS.into_iter().find_map(|resource_type| {
            let subscription = self.types.subscription(resource_type)?;
            if !resource_type.is_full_state() {
                subscription.keep_gone();
            }
            if !subscription.has_gone() {
                return None;
            }
            let resources = self.all_of(resource_type, snapshot);
            Some(self.response(resource_type, resources))
        })
    }

    fn all_of(&mut self, resource_type: ResourceType, snapshot: &Snapshot) -> Vec<Arc<Resource>> {
        self.types.subscription(resource_type).map_or_else(Vec::new, |subscription| subscription.take_all(snapshot))
    }

    fn response(&mut self, resource_type: ResourceType, resources: Vec<Arc<Resource>>) -> Response {
        let (nonce, version) = self.types.sent(resource_type, &mut self.introduction);
        Response::sotw(resource_type, nonce, version, resources)
    }
}

impl DiscoveryStream for SotwStream {
    type Request = DiscoveryRequest;

    fn request(&mut self, request: DiscoveryRequest) -> Result<Received, Rejected> {
        let Some(resource_type) = self.introduction.admit(request.node, &request.type_url)? else {
            return Ok(Received { resource_type: None, verdict: Verdict::None });
        };
        let state = self.types.entry(resource_type);
        let verdict = match state.answers.is_newest(&request.response_nonce) {
            // Whatever nonce there is belongs to an earlier stream and answers nothing.
            None => Verdict::None,
            Some(false) => return Ok(Received { resource_type: Some(resource_type), verdict: Verdict::Stale }),
            Some(true) => {
                let error = request.error_detail.map(|status| status.message);
                state.answers.answer(&request.response_nonce, error)
            }
        };
        state.subscription.replace(request.resource_names)?;
        Ok(Received { resource_type: Some(resource_type), verdict })
    }

    fn respond(&mut self, snapshot: &Snapshot) -> Option<Response> {
        self.types.refresh(snapshot);
        self.new_resources(snapshot).or_else(|| self.removals(snapshot))
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
