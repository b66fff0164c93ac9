//! State of the world: every request names everything that the client wants.
//!
//! - A request whose nonce is not the last one of its type is stale and ignored; the client will answer the newer
//!   response too, with all its names. The first request of a type may carry any nonce: it is from an earlier stream.
//! - Names that stay are not sent again, those that were dropped and come back are.
//! - An empty list of EDS names is a subscription to nothing. A wildcard exists only for listeners and clusters.

use super::stream::{DiscoveryStream, Introduction, Received, Rejected, Scope, Verdict};
use super::{ResourceType, Response, Snapshot, Subscription};
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryRequest;
use std::collections::BTreeMap;

/// The server's side of one state-of-the-world stream.
#[derive(Debug)]
pub struct SotwStream {
    introduction: Introduction,
    types: BTreeMap<ResourceType, TypeState>,
}

#[derive(Debug)]
struct TypeState {
    subscription: Subscription,
    /// Of the last response that was sent.
    nonce: Option<String>,
}

impl SotwStream {
    /// A stream on which nothing was said yet.
    pub fn new(scope: Scope) -> Self {
        Self { introduction: Introduction::new(scope), types: BTreeMap::new() }
    }
}

impl DiscoveryStream for SotwStream {
    type Request = DiscoveryRequest;

    fn request(&mut self, request: DiscoveryRequest) -> Result<Received, Rejected> {
        let Some(resource_type) = self.introduction.admit(request.node, &request.type_url)? else {
            return Ok(Received { resource_type: None, verdict: Verdict::None });
        };
        let state = self.types.entry(resource_type).or_insert_with(|| TypeState::new(resource_type));
        let verdict = state.verdict(&request.response_nonce, request.error_detail.map(|status| status.message));
        if verdict != Verdict::Stale {
            state.subscription.replace(request.resource_names)?;
        }
        Ok(Received { resource_type: Some(resource_type), verdict })
    }

    fn respond(&mut self, snapshot: &Snapshot) -> Option<Response> {
        self.types.iter_mut().find_map(|(resource_type, state)| {
            let due = state.subscription.take_due(snapshot);
            if due.is_empty() {
                return None;
            }
            let nonce = self.introduction.next_nonce();
            state.nonce = Some(nonce.clone());
            Some(Response::sotw(*resource_type, nonce, state.subscription.version(), due))
        })
    }

    fn node(&self) -> Option<&Node> {
        self.introduction.node()
    }
}

impl TypeState {
    fn new(resource_type: ResourceType) -> Self {
        Self { subscription: Subscription::new(resource_type), nonce: None }
    }

    /// Before anything was sent, whatever nonce there is belongs to an earlier stream and answers nothing.
    fn verdict(&self, nonce: &str, error: Option<String>) -> Verdict {
        match &self.nonce {
            None => Verdict::None,
            Some(sent) if sent != nonce => Verdict::Stale,
            Some(_) => error.map_or(Verdict::Ack, Verdict::Nack),
        }
    }
}

#[cfg(test)]
mod tests;
