//! The network of a pod: a namespace behind its node, with an address that is reached from everywhere.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;

use super::Namespace;

/// A namespace of its own for a pod, as a CNI plugin makes it; it is gone with the last process or value that has it.
///
/// What happens to connections on the way, at the node or in the pod, happens in two places as in a cluster: each of them
/// can have its own translation of addresses.
#[derive(Debug)]
pub struct PodNetwork {
    address: Ipv4Addr,
    namespace: Namespace,
}

impl PodNetwork {
    /// A new one behind this node, whose own address is `node_address`.
    pub(super) fn new(node: &Namespace, node_address: Ipv4Addr, address: Ipv4Addr) -> Result<Self> {
        let namespace = Namespace::new()?;
        let [.., number] = address.octets();
        let link = format!("pod{number}");
        node.ip(&format!("link add {link} type veth peer name eth0 netns {}", namespace.path()))?;
        node.ip(&format!("link set {link} up"))?;
        // All pods of the node are local to it, says this table; but for this one.
        node.ip(&format!("route add {address} dev {link} table local"))?;
        namespace.ip(&format!("address add {address}/32 dev eth0"))?;
        namespace.ip("link set eth0 up")?;
        // A node answers for its address on every link.
        namespace.ip(&format!("route add default via {node_address} dev eth0 onlink"))?;
        Ok(Self { address, namespace })
    }

    /// The address of the pod.
    pub fn address(&self) -> IpAddr {
        self.address.into()
    }

    /// Where its containers run.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}
