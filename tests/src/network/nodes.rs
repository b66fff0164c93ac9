//! A network of nodes: a namespace for each, joined by a bridge, with routes to each other's pods.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::{Namespace, PodNetwork};

/// The bridge between nodes, in the namespace where it was made. That namespace reaches nodes and pods as a machine
/// outside of the cluster does, and keeps what else it has.
///
/// Node N is 10.1.0.N, and its pods are 10.244.N.0/24: in the node's own namespace, but for those that get one of theirs.
#[derive(Debug)]
pub struct NodeNetwork {
    outside: Namespace,
    nodes: Vec<Arc<Namespace>>,
}

impl NodeNetwork {
    /// Makes one for `count` nodes, seen from a thread inside [`super::isolated`].
    ///
    /// # Errors
    /// When `ip` is missing, or the kernel has no bridges.
    pub fn new(count: u8) -> Result<Self> {
        let outside = Namespace::of_this_thread()?;
        // Nodes and pods are elsewhere from now on; the API server stays.
        outside.ip("route del local 10.0.0.0/8 dev lo")?;
        outside.ip("route add local 10.0.0.0/16 dev lo")?;
        outside.ip("link add nodes type bridge")?;
        outside.ip("address add 10.1.0.254/24 dev nodes")?;
        outside.ip("link set nodes up")?;
        let mut network = Self { outside, nodes: Vec::new() };
        (1..=count).try_for_each(|number| network.add(number, count))?;
        Ok(network)
    }

    /// Where node N is, from 1.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn node(&self, number: u8) -> Result<Arc<Namespace>> {
        let node = usize::from(number).checked_sub(1).and_then(|index| self.nodes.get(index));
        node.cloned().with_context(|| format!("no node {number}"))
    }

    /// A network for a pod of node N, at 10.244.N.POD.
    ///
    /// # Errors
    /// When there are fewer nodes, or the pod has one already.
    pub fn pod(&self, number: u8, pod: u8) -> Result<PodNetwork> {
        PodNetwork::new(&*self.node(number)?, address(number), Ipv4Addr::new(10, 244, number, pod))
    }

    fn add(&mut self, number: u8, count: u8) -> Result<()> {
        let node = Namespace::new()?;
        self.outside.ip(&format!("link add node{number} type veth peer name eth0 netns {}", node.path()))?;
        self.outside.ip(&format!("link set node{number} master nodes up"))?;
        self.outside.ip(&format!("route add 10.244.{number}.0/24 via {}", address(number)))?;
        node.ip(&format!("address add {}/24 dev eth0", address(number)))?;
        node.ip("link set eth0 up")?;
        node.ip(&format!("route add local 10.244.{number}.0/24 dev lo"))?;
        node.ip("route add default via 10.1.0.254")?;
        for other in (1..=count).filter(|other| *other != number) {
            node.ip(&format!("route add 10.244.{other}.0/24 via {}", address(other)))?;
        }
        // A node passes on what a node port sends to another node's pod.
        node.set("net/ipv4/ip_forward", "1")?;
        self.nodes.push(Arc::new(node));
        Ok(())
    }
}

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 1, 0, number)
}
