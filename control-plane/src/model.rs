//! What Evenkeel knows about services and their endpoints, whatever the source.

mod endpoint;
mod mesh;
mod node;
mod service;
mod services;
mod steer_weights;
mod workload;

pub use endpoint::{Endpoint, Health, Locality, Ports, Weight, WeightError};
pub use mesh::{ClientTlsMode, DestinationRule, Mesh, MutualTlsMode, PeerAuthentication, Subset, TrafficPolicy};
pub use node::{Node, Nodes};
pub use service::{ClientTraffic, ExternalTrafficPolicy, Service, ServiceName, ServicePort};
pub use services::Services;
pub use steer_weights::SteerWeights;
pub use workload::{Labels, Workload};

use std::sync::Arc;

/// A Kubernetes cluster, or the file that stands for one, at one moment. What xDS calls a cluster is something else and
/// appears only where it is rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The services with their endpoints.
    pub services: Services,
    /// The nodes; none if the source does not know any.
    pub nodes: Nodes,
    /// The mesh; one without policies if the source does not know any.
    pub mesh: Arc<Mesh>,
}
