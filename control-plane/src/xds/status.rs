//! What one client has, for people who look for the reason of something.

use super::{ResourceType, Version};
use std::sync::Arc;

/// Where one stream stands with the resources of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeStatus {
    /// The type.
    pub resource_type: ResourceType,
    /// Whether the client wants all resources of the type.
    pub wildcard: bool,
    /// How many resources the client asks for by name.
    pub names: usize,
    /// The version of everything that the client was sent, as the last response said it; `None` before the first.
    pub sent: Option<Version>,
    /// The version of the last response that the client accepted.
    pub acknowledged: Option<Version>,
    /// The last response that the client rejected. When it is older than the accepted one, the client has moved on.
    pub rejected: Option<Rejection>,
    /// The first [`TypeStatus::LISTED`] names that the client asks for or has, in order, each with the version that it was
    /// sent; `None` if it was sent none or was told that there is none.
    pub resources: Vec<(Arc<str>, Option<Version>)>,
    /// The names that this server does not answer for, each with the reason, in order.
    pub declined: Vec<(Arc<str>, Arc<str>)>,
}

impl TypeStatus {
    /// So many names are told; a client may ask for very many.
    pub const LISTED: usize = 100;
}

/// A response that the client rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The version of the response, `None` when it is so long ago that it is not known any more.
    pub version: Option<Version>,
    /// What the client said, up to [`Rejection::LONGEST_REASON`] bytes of it.
    pub reason: Box<str>,
}

impl Rejection {
    /// Clients explain themselves at length. Of a reason so many bytes are kept.
    pub const LONGEST_REASON: usize = 1024;

    /// A rejection with as much of the reason as is kept.
    pub fn new(version: Option<Version>, reason: &str) -> Self {
        Self { version, reason: reason[..reason.floor_char_boundary(Self::LONGEST_REASON)].into() }
    }
}
