//! What the two kinds of streams have in common.

mod answers;
mod types;

pub(super) use answers::Answers;
pub(super) use types::Types;

use super::subscription::TooManyNames;
use super::{ResourceType, Response, Snapshot, TypeStatus};
use evenkeel_proto::envoy::config::core::v3::Node;

/// One discovery stream, seen from the server: requests go in, responses that are due come out.
///
/// Taking a response out is separate from putting a request in, so that the caller takes the next one when the
/// transport has room for it, and always gets the newest state.
pub trait DiscoveryStream {
    /// The message that clients send.
    type Request;

    /// Takes a request. An error ends the stream.
    fn request(&mut self, request: Self::Request) -> Result<Received, Rejected>;

    /// The next response that is due, if any. It counts as sent.
    fn respond(&mut self, snapshot: &Snapshot) -> Option<Response>;

    /// The client, as it introduced itself in the first request.
    fn node(&self) -> Option<&Node>;

    /// Where each type stands that the client has asked for, in order.
    fn status(&self) -> Vec<TypeStatus>;
}

/// What a request was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its type; `None` for one that is not served. Such a request gets no answer and the stream goes on.
    pub resource_type: Option<ResourceType>,
    /// What it said about an earlier response.
    pub verdict: Verdict,
}

/// What a request says about an earlier response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that was not said before: it only subscribes.
    None,
    /// Accepted.
    Ack,
    /// Rejected, for this reason.
    Nack(String),
    /// It answers a response that a later one has replaced; state of the world ignores such a request.
    Stale,
}

/// Why a request ends its stream.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Rejected {
    /// The first request must say who asks.
    #[error("the first request of a stream needs `node`")]
    MissingNode,
    /// An aggregated stream has no type of its own.
    #[error("a request on an aggregated stream needs `type_url`")]
    MissingTypeUrl,
    /// A stream of one service serves one type.
    #[error("`type_url` is {actual:?}, but this stream serves only {expected:?}; use the aggregated service")]
    WrongTypeUrl {
        /// The type of the stream.
        expected: &'static str,
        /// What the request asked for.
        actual: String,
    },
    /// The subscription is too large.
    #[error(transparent)]
    TooManyNames(#[from] TooManyNames),
}

/// Which types a stream serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One, which requests need not name.
    Single(ResourceType),
    /// All, each request names its own.
    Aggregated,
}

/// A response is closed when it has this many bytes; the rest goes into the next one. Clients refuse messages of more than
/// 4 MiB by default. A single resource that is larger goes alone, and a state-of-the-world response that must hold
/// everything cannot be divided.
pub(super) const RESPONSE_SIZE: usize = 3 << 20;

impl Scope {
    /// The type of a request; `None` if it is not served.
    fn resource_type(self, url: &str) -> Result<Option<ResourceType>, Rejected> {
        match self {
            Self::Single(only) if url.is_empty() || url == only.url() => Ok(Some(only)),
            Self::Single(only) => Err(Rejected::WrongTypeUrl { expected: only.url(), actual: url.to_owned() }),
            Self::Aggregated if url.is_empty() => Err(Rejected::MissingTypeUrl),
            Self::Aggregated => Ok(ResourceType::from_url(url)),
        }
    }
}

/// Who the client is, what the stream serves, and the nonces.
#[derive(Debug)]
pub(super) struct Introduction {
    scope: Scope,
    node: Option<Node>,
    nonces: u64,
}

impl Introduction {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, node: None, nonces: 0 }
    }

    /// The type of a request from a client that has introduced itself; `None` if that type is not served.
    pub(super) fn admit(&mut self, node: Option<Node>, url: &str) -> Result<Option<ResourceType>, Rejected> {
        if self.node.is_none() {
            self.node = Some(node.ok_or(Rejected::MissingNode)?);
        }
        self.scope.resource_type(url)
    }

    pub(super) fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// A nonce that no other response of this stream has.
    pub(super) fn next_nonce(&mut self) -> u64 {
        self.nonces += 1;
        self.nonces
    }
}
