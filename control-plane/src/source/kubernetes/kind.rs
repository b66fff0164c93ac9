//! The kinds of objects that are watched.

use std::fmt;

/// A kind of Kubernetes object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1`
    Service,
    /// `discovery.k8s.io/v1`
    EndpointSlice,
    /// `v1`
    Pod,
    /// `v1`
    Node,
    /// `security.istio.io/v1`
    PeerAuthentication,
    /// `networking.istio.io/v1`
    DestinationRule,
}

impl Kind {
    /// All kinds that are watched.
    pub const ALL: [Self; 6] =
        [Self::Service, Self::EndpointSlice, Self::Pod, Self::Node, Self::PeerAuthentication, Self::DestinationRule];

    /// Whether it is a custom resource of Istio: a cluster without Istio does not have the kind.
    pub fn is_of_istio(self) -> bool {
        matches!(self, Self::PeerAuthentication | Self::DestinationRule)
    }

    /// The name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Pod => "Pod",
            Self::Node => "Node",
            Self::PeerAuthentication => "PeerAuthentication",
            Self::DestinationRule => "DestinationRule",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Which objects of a kind one watch sees: those of one namespace, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All objects of the kind.
    #[default]
    All,
    /// Those in this namespace.
    Namespace(String),
}

impl Scope {
    /// Whether an object of this namespace is among them.
    pub fn contains(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Namespace(only) => only == namespace,
        }
    }
}

/// After the name of a kind, such as ` in istio-system`.
impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Namespace(namespace) => write!(formatter, " in {namespace}"),
        }
    }
}
