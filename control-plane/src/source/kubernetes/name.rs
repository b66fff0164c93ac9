//! How objects are named.

use crate::model::ServiceName;
use std::fmt;
use std::sync::Arc;

/// Namespace and name of an object. The namespace of an object without one, such as a node, is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name within the namespace.
    pub name: Arc<str>,
}

impl ObjectName {
    /// A name from its two parts.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The name of a node.
    pub fn of_node(name: Arc<str>) -> Self {
        Self { name, ..Self::default() }
    }

    /// The name of the service that is called `name` and lives in the same namespace.
    pub fn service(&self, name: &Arc<str>) -> ServiceName {
        ServiceName { namespace: self.namespace.clone(), name: name.clone() }
    }
}

impl From<&ServiceName> for ObjectName {
    fn from(service: &ServiceName) -> Self {
        Self { namespace: service.namespace.clone(), name: service.name.clone() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.namespace {
            "" => formatter.write_str(&self.name),
            namespace => write!(formatter, "{namespace}/{}", self.name),
        }
    }
}
