//! What forwards ports of a node's pod, in the place of the node's kubelet.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result};
use evenkeel_bed::kubelet;
use tokio::net::TcpStream;

use super::{Kubernetes, Node, PATIENCE};
use crate::network::Namespace;
use crate::process::Process;
use crate::wait;

/// Where every node has it.
pub(super) const PORT: u16 = 10250;

/// It ends when dropped. The API server reaches it at the node's address; the pod is what else is in the node's network.
#[derive(Debug)]
pub struct Kubelet {
    process: Process,
}

impl Kubelet {
    /// Starts it in the network of this node and waits until it accepts connections.
    ///
    /// # Errors
    /// When the bed `kube` is missing (the text names the command), or it does not listen within a minute.
    pub async fn start(kubernetes: &Kubernetes, node: &Node, network: &Namespace) -> Result<Self> {
        let (address, credentials) = (SocketAddr::from((node.address, PORT)), &kubernetes.credentials);
        let mut command = Command::new(kubelet::find()?);
        command.args(["-address", &address.to_string()]).arg("-certificate").arg(credentials.certificate());
        command.arg("-key").arg(credentials.key());
        let log = credentials.folder().join(format!("kubelet-{}.log", node.name));
        let mut kubelet = Self { process: network.run(|| Process::spawn("kubelet", command, &log))? };
        kubelet.wait_until_it_listens(address).await?;
        Ok(kubelet)
    }

    async fn wait_until_it_listens(&mut self, address: SocketAddr) -> Result<()> {
        let listens = async || match self.process.check_running() {
            Err(ended) => Ok(Err(ended)),
            Ok(()) => Ok(Ok(TcpStream::connect(address).await.map(drop)?)),
        };
        let listens = wait::until("the kubelet to listen", PATIENCE, listens, |_| true).await;
        listens.with_context(|| self.process.log_tail())?
    }
}
