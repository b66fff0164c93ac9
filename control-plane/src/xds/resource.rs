//! Resources as they are served: encoded once, shared by every stream.

use bytes::{BufMut, Bytes, BytesMut};
use evenkeel_proto::envoy::service::discovery::v3 as discovery;
use evenkeel_proto::google::protobuf::Any;
use evenkeel_proto::{CLUSTER, CLUSTER_LOAD_ASSIGNMENT, LISTENER, ROUTE_CONFIGURATION};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use sha2::{Digest, Sha256};
use std::fmt;

/// A type of resource that this server serves.
///
/// The order is that in which one stream is sent what is new, so that nothing refers to what is not there yet: clusters,
/// their endpoints, listeners, their routes ("make before break" in Envoy's xDS protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceType {
    /// CDS: a cluster.
    Cluster,
    /// EDS: the endpoints of a cluster.
    ClusterLoadAssignment,
    /// LDS: a listener.
    Listener,
    /// RDS: the routes of a listener.
    RouteConfiguration,
}

impl ResourceType {
    /// All types, in order.
    pub const ALL: [Self; 4] = [Self::Cluster, Self::ClusterLoadAssignment, Self::Listener, Self::RouteConfiguration];

    /// Its place among [`ALL`](Self::ALL), for what is kept of each type.
    pub const fn place(self) -> usize {
        self as usize
    }

    /// The type of this URL, if it is served.
    pub fn from_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource_type| resource_type.url() == url)
    }

    /// The type URL on the wire.
    pub fn url(self) -> &'static str {
        match self {
            Self::Cluster => CLUSTER,
            Self::ClusterLoadAssignment => CLUSTER_LOAD_ASSIGNMENT,
            Self::Listener => LISTENER,
            Self::RouteConfiguration => ROUTE_CONFIGURATION,
        }
    }

    /// The message's own name, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::ClusterLoadAssignment => "ClusterLoadAssignment",
            Self::Listener => "Listener",
            Self::RouteConfiguration => "RouteConfiguration",
        }
    }

    /// Whether a client can ask for all resources of this type without naming them.
    pub fn has_wildcard(self) -> bool {
        matches!(self, Self::Cluster | Self::Listener)
    }

    /// Whether a state-of-the-world response holds everything that the client is to have, so that what is not in it is
    /// gone. Of the other types it holds what is new, and what is not in it stays.
    pub fn is_full_state(self) -> bool {
        matches!(self, Self::Cluster | Self::Listener)
    }
}

/// A version is a hash of the content: equal on every replica and after every restart, so that a client that comes back
/// is sent only what it does not have.
///
/// The default is the version of a set of no resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64);

impl Version {
    /// The version of this content.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }

    /// The version of a set that has a resource of this version as well. The order does not matter, that of one resource
    /// is its own, and it is made without looking at the others: a stream may have thousands.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// The version of a set without the resource of this version.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }

    /// Reads what [`Display`](fmt::Display) wrote. Anything else is a version of somebody else's: `None`.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// One resource: its name, its version and its bytes on the wire.
///
/// On the wire a response is a small head, different for each stream, and then one field per resource: state of the
/// world has an `Any` there, delta an `Any` within a `Resource`. The `Any` is the same bytes for both, and each kind has
/// its own few bytes in front of it, made here once.
#[derive(Clone, Debug)]
pub struct Resource {
    name: String,
    version: Version,
    any: Bytes,
    before_any_in_sotw: Bytes,
    before_any_in_delta: Bytes,
    assignment: Option<Box<str>>,
}

/// The number of the field `resources`, in `DiscoveryResponse` and in `DeltaDiscoveryResponse`.
const RESOURCES: u32 = 2;
/// The number of the field `resource` in `Resource`.
const RESOURCE: u32 = 2;

impl Resource {
    /// Encodes a message under this name.
    pub fn new(name: String, resource_type: ResourceType, message: &impl Message) -> Self {
        Self::encoded(name, resource_type, message.encode_to_vec())
    }

    /// A message that is encoded already, under this name.
    pub fn encoded(name: String, resource_type: ResourceType, message: Vec<u8>) -> Self {
        let value = Bytes::from(message);
        let version = Version::of(&value);
        let any = Bytes::from(Any { type_url: resource_type.url().to_owned(), value }.encode_to_vec());
        let before_any_in_sotw = field_start(RESOURCES, any.len()).freeze();
        let before_any_in_delta = delta_field_start(&name, version, any.len());
        Self { name, version, any, before_any_in_sotw, before_any_in_delta, assignment: None }
    }

    /// The same cluster, whose endpoints come by EDS under this name.
    #[must_use]
    pub fn with_assignment(self, name: &str) -> Self {
        Self { assignment: Some(name.into()), ..self }
    }

    /// The name that clients subscribe to.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of the content.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The EDS name of a cluster's endpoints, if they come by EDS. A client that is sent a cluster waits for them.
    pub fn assignment(&self) -> Option<&str> {
        self.assignment.as_deref()
    }

    /// The field of a `DiscoveryResponse`, in two parts to be written one after the other.
    pub fn sotw_field(&self) -> [&Bytes; 2] {
        [&self.before_any_in_sotw, &self.any]
    }

    /// The field of a `DeltaDiscoveryResponse`, in two parts to be written one after the other.
    pub fn delta_field(&self) -> [&Bytes; 2] {
        [&self.before_any_in_delta, &self.any]
    }

    /// About how many bytes the resource adds to a response.
    pub fn size(&self) -> usize {
        self.any.len() + self.before_any_in_delta.len()
    }
}

fn delta_field_start(name: &str, version: Version, any: usize) -> Bytes {
    let about = discovery::Resource { version: version.to_string(), resource: None, name: name.to_owned() };
    let inner = field_start(RESOURCE, any);
    let mut start = field_start(RESOURCES, about.encoded_len() + inner.len() + any);
    start.put_slice(&about.encode_to_vec());
    start.put_slice(&inner);
    start.freeze()
}

fn field_start(number: u32, length: usize) -> BytesMut {
    let mut start = BytesMut::with_capacity(16);
    encode_key(number, WireType::LengthDelimited, &mut start);
    encode_varint(length as u64, &mut start);
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_at_its_place() {
        for (place, resource_type) in ResourceType::ALL.into_iter().enumerate() {
            assert_eq!(resource_type.place(), place);
        }
    }

    #[test]
    fn a_version_survives_its_text() {
        let version = Version::of(b"content");
        assert_eq!(Version::parse(&version.to_string()), Some(version));
    }

    #[test]
    fn a_foreign_version_is_none_of_ours() {
        for foreign in ["", "1", "2026-11-20T10:00:00Z/7", "zzzzzzzzzzzzzzzz"] {
            assert_eq!(Version::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_version_of_a_set_depends_on_what_is_in_it_and_not_on_the_order() {
        let [one, two, three] = [b"one", b"two", b"six"].map(|content| Version::of(content));
        let none = Version::default();
        assert_eq!(none.and(one), one);
        assert_eq!(none.and(one).and(two), none.and(two).and(one));
        assert_eq!(none.and(one).and(two).without(one), two);
        assert_ne!(none.and(one).and(two), none.and(one).and(three));
    }
}
