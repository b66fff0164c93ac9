//! Whether a client wants everything.

use crate::xds::ResourceType;

/// The name that stands for everything, where a type has a wildcard.
const ALL: &str = "*";

/// Whether a client wants all resources of a type.
///
/// There are two ways to say so: the name `*`, and, in the first request of a type, no names at all. The second is the
/// older one and is never taken for a wildcard once the client has given any name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wildcard {
    /// The type has none: `*` is a name like others, and no names are no resources.
    Unsupported,
    /// The client has not said yet.
    Unsaid,
    /// By giving no names.
    Legacy,
    /// By the name `*`.
    Explicit,
    /// It wants only what it names.
    Off,
}

impl Wildcard {
    pub(super) fn new(resource_type: ResourceType) -> Self {
        if resource_type.has_wildcard() { Self::Unsaid } else { Self::Unsupported }
    }

    pub(super) fn is_on(self) -> bool {
        matches!(self, Self::Legacy | Self::Explicit)
    }

    /// Whether a name means everything.
    pub(super) fn is_meant_by(self, name: &str) -> bool {
        self != Self::Unsupported && name == ALL
    }

    /// After a state-of-the-world request, which has all names.
    pub(super) fn after_all(self, names: &[String]) -> Self {
        match self {
            Self::Unsupported => self,
            _ if names.iter().any(|name| name == ALL) => Self::Explicit,
            Self::Unsaid | Self::Legacy if names.is_empty() => Self::Legacy,
            _ => Self::Off,
        }
    }

    /// At the start of a delta request, which has names to add.
    pub(super) fn before_more(self, names: &[String]) -> Self {
        match self {
            Self::Unsaid if names.is_empty() => Self::Legacy,
            Self::Unsaid => Self::Off,
            _ => self,
        }
    }
}
