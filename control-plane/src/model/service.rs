//! Services and their ports.

use super::Endpoint;
use std::fmt;

/// Namespace and name of a service, as in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName {
    /// The namespace.
    pub namespace: String,
    /// The name within the namespace.
    pub name: String,
}

impl ServiceName {
    /// A name from its two parts.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// A port of a service: the number that clients name, not the one that pods listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// The name by which endpoints say what they listen on. May be empty if the service has only one port.
    pub name: String,
    /// The number, 1 to 65535, unique within the service.
    pub port: u16,
}

/// A service with its endpoints, ready or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Namespace and name.
    pub name: ServiceName,
    /// The ports, each with its own name and number.
    pub ports: Vec<ServicePort>,
    /// The endpoints, in the order of the source. The order has no meaning.
    pub endpoints: Vec<Endpoint>,
}
