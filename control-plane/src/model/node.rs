//! Nodes: the machines that pods run on.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::Locality;

/// All nodes by name.
pub type Nodes = BTreeMap<Arc<str>, Arc<Node>>;

/// A node that may get traffic on node ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its internal addresses, in the order that Kubernetes gives them: at most one per address family matters.
    pub addresses: Vec<IpAddr>,
    /// Whether it is ready and not excluded from load balancing from outside.
    pub ready: bool,
    /// Where it is.
    pub locality: Arc<Locality>,
}
