//! Services and their ports.

use super::Endpoint;
use std::fmt;
use std::sync::Arc;

/// Namespace and name of a service, as in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name within the namespace.
    pub name: Arc<str>,
}

impl ServiceName {
    /// A name from its two parts.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
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
    /// The port on every node that leads here, if there is one.
    pub node_port: Option<u16>,
}

impl ServicePort {
    /// A port without a node port.
    pub fn new(name: impl Into<String>, port: u16) -> Self {
        Self { name: name.into(), port, node_port: None }
    }
}

/// Which endpoints a connection to a node port reaches, `spec.externalTrafficPolicy` in Kubernetes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExternalTrafficPolicy {
    /// All endpoints, through any node.
    #[default]
    Cluster,
    /// Only those on the node that was addressed.
    Local,
}

/// What makes the endpoints of a service depend on the client. The views that are the same for all clients ignore it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientTraffic {
    /// `spec.internalTrafficPolicy` is `Local`: pods on the client's node only.
    pub node_local: bool,
    /// `spec.trafficDistribution` is set: near pods first.
    pub prefers_near: bool,
    /// The label `istio.io/persistent-session`: pods that drain keep their sessions.
    pub persistent_sessions: bool,
}

/// A service with its endpoints, ready or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Namespace and name.
    pub name: ServiceName,
    /// The ports, each with its own name and number.
    pub ports: Vec<ServicePort>,
    /// What a node port leads to.
    pub external_traffic_policy: ExternalTrafficPolicy,
    /// What makes its endpoints depend on who asks.
    pub traffic: ClientTraffic,
    /// The endpoints, in the order of the source. The order has no meaning.
    pub endpoints: Vec<Endpoint>,
}

impl Service {
    /// A service without ports and endpoints.
    pub fn new(name: ServiceName) -> Self {
        Self {
            name,
            ports: Vec::new(),
            external_traffic_policy: ExternalTrafficPolicy::Cluster,
            traffic: ClientTraffic::default(),
            endpoints: Vec::new(),
        }
    }
}
