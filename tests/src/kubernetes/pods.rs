//! The pods of one application, scaled and replaced as a Deployment's are.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod as PodObject;
use kube::Api;

use super::{Kubernetes, Node, Pod};
use crate::network::Namespace;

/// The pods with the label `app: NAME`, spread over nodes in turn.
#[derive(Debug)]
pub struct Pods {
    api: Api<PodObject>,
    app: String,
    nodes: Vec<(Node, Arc<Namespace>)>,
    created: u8,
    running: Vec<Pod>,
    terminating: Vec<Pod>,
}

impl Pods {
    /// No pod yet, of the application `app` on these nodes; the servers will be in the network of this thread.
    pub fn new(kubernetes: &Kubernetes, namespace: &str, app: &str, nodes: &[Node]) -> Result<Self> {
        let here = Arc::new(Namespace::of_this_thread()?);
        let nodes = nodes.iter().map(|node| (node.clone(), Arc::clone(&here))).collect();
        Ok(Self::on(kubernetes, namespace, app, nodes))
    }

    /// No pod yet, on nodes that have a network of their own.
    pub fn on(kubernetes: &Kubernetes, namespace: &str, app: &str, nodes: Vec<(Node, Arc<Namespace>)>) -> Self {
        let (api, app) = (Api::namespaced(kubernetes.client(), namespace), app.to_owned());
        Self { api, app, nodes, created: 0, running: Vec::new(), terminating: Vec::new() }
    }

    /// Another node for the next ones; the servers will be in the network of this thread.
    pub fn add_node(&mut self, node: Node) -> Result<()> {
        self.nodes.push((node, Arc::new(Namespace::of_this_thread()?)));
        Ok(())
    }

    /// The pods that run and are not terminating, oldest first.
    pub fn running(&self) -> &[Pod] {
        &self.running
    }

    /// The pods that are terminating, and serve still.
    pub fn terminating(&self) -> &[Pod] {
        &self.terminating
    }

    /// Where the running ones serve.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.running.iter().map(Pod::address).collect()
    }

    /// Starts pods, or terminates the newest, until `count` run.
    pub async fn scale(&mut self, count: usize) -> Result<()> {
        while self.running.len() < count {
            self.add().await?;
        }
        while self.running.len() > count {
            self.terminate(self.running.len() - 1).await?;
        }
        Ok(())
    }

    /// Replaces all pods as a rolling update does: one more is ready before one is terminated.
    pub async fn replace(&mut self) -> Result<()> {
        for _ in 0..self.running.len() {
            self.add().await?;
            self.terminate(0).await?;
        }
        Ok(())
    }

    /// Loses the newest pod, as when its node dies.
    pub async fn lose(&mut self) -> Result<()> {
        self.running.pop().context("no pod is running")?.delete_at_once().await
    }

    /// Ends the newest pod's server; its object says that it is ready, as until its probe fails.
    pub fn crash(&mut self) -> Result<()> {
        self.running.pop().map(drop).context("no pod is running")
    }

    /// Ends the terminating pods, each when its clients have gone.
    pub async fn end_terminating(&mut self) -> Result<()> {
        for pod in self.terminating.drain(..) {
            pod.end().await?;
        }
        Ok(())
    }

    async fn add(&mut self) -> Result<()> {
        self.created = self.created.checked_add(1).context("no more than 255 pods of one application")?;
        let (node, network) = &self.nodes[usize::from(self.created - 1) % self.nodes.len()];
        let name = format!("{}-{}", self.app, self.created);
        let address = Ipv4Addr::new(10, 244, node.address.octets()[3], self.created);
        let pod = Pod::start(self.api.clone(), (&name, &self.app), (node, address), network).await?;
        self.running.push(pod);
        Ok(())
    }

    async fn terminate(&mut self, index: usize) -> Result<()> {
        let pod = self.running.remove(index);
        pod.terminate().await?;
        self.terminating.push(pod);
        Ok(())
    }
}
