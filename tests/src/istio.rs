//! A mesh without sidecar injection: a real istiod on a Kubernetes cluster, and Envoys that it configures.
//!
//! Envoy as it is released has none of Istio's own filters, so istiod is told to leave them out. Mutual TLS is off, unless
//! istiod is the authority that issues certificates: an Envoy alone gets none, one that an [`Agent`] starts does.

mod agent;
mod istioctl;
mod proxy;
mod redirection;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_bed::istio::{Component, custom_resource_definitions};
use tempfile::TempDir;

pub use self::agent::{Agent, Certificates};
pub use self::istioctl::istioctl;
pub use self::proxy::{Proxy, Role};
pub use self::redirection::redirect_inbound;
use crate::kubernetes::Kubernetes;
use crate::process::Process;
use crate::{http_get, wait};

/// Where Istio itself lives, and whose resources hold for all.
pub const ROOT_NAMESPACE: &str = "istio-system";
/// How long a change may take that should be there at once, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
const HTTP: ([u8; 4], u16) = ([127, 0, 0, 1], 8080);
/// Nodes that have a network of their own reach it as well.
const XDS: ([u8; 4], u16) = ([10, 0, 0, 20], 15010);
const SECURE_XDS: ([u8; 4], u16) = ([10, 0, 0, 20], 15012);

/// Permissive mutual TLS would wait for certificates.
const PEER_AUTHENTICATION: &str = "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, \
                                   metadata: {name: default, namespace: istio-system}, spec: {mtls: {mode: DISABLE}}}";

/// How proxies of the mesh talk to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mesh {
    /// In clear text, and nobody has a certificate.
    ClearText,
    /// With certificates that istiod issues, by mutual TLS where both sides can.
    MutualTls,
}

/// A running istiod; it ends when dropped. Its addresses are fixed, so it runs inside [`crate::network::isolated`] only.
#[derive(Debug)]
pub struct Istiod {
    process: Process,
    _folder: TempDir,
}

impl Istiod {
    /// Installs Istio's custom resources in the cluster, starts istiod and waits until it is ready.
    ///
    /// # Errors
    /// When the bed `istio` is missing (the text names the command), or istiod does not become ready.
    pub async fn start(kubernetes: &Kubernetes) -> Result<Self> {
        Self::start_for(kubernetes, Mesh::ClearText).await
    }

    /// The same, for this mesh.
    pub async fn start_for(kubernetes: &Kubernetes, mesh: Mesh) -> Result<Self> {
        install(kubernetes).await?;
        if mesh == Mesh::ClearText {
            disable_mutual_tls(kubernetes).await?;
        }
        let folder = tempfile::tempdir().context("cannot create a folder for istiod")?;
        let command = command(kubernetes, folder.path(), mesh)?;
        let process = Process::spawn("istiod", command, &folder.path().join("log"))?;
        let mut istiod = Self { process, _folder: folder };
        istiod.wait_until_ready().await?;
        Ok(istiod)
    }

    /// What it has said so far: among others what proxies have refused.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// It says nothing more, as when the machine that it is on stands still.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pause(&self) -> Result<()> {
        self.process.pause()
    }

    /// It goes on.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resume(&self) -> Result<()> {
        self.process.resume()
    }

    /// The lines about configuration that a proxy has refused.
    pub fn refusals(&self) -> Vec<String> {
        let is_refusal = |line: &&str| line.contains("ACK ERROR") || line.contains("caused panic");
        self.log().lines().filter(is_refusal).map(str::to_owned).collect()
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let readiness = async || match self.process.check_running() {
            Err(ended) => Ok(Err(ended)),
            Ok(()) => http_get::get(SocketAddr::from(HTTP), "/ready").await.map(|(status, _)| Ok(status)),
        };
        let ready = |seen: &Result<http::StatusCode>| seen.as_ref().map_or(true, http::StatusCode::is_success);
        let ready = wait::until("istiod to be ready", PATIENCE, readiness, ready).await;
        ready.with_context(|| self.process.log_tail())?.map(drop)
    }
}

async fn install(kubernetes: &Kubernetes) -> Result<()> {
    let file = custom_resource_definitions()?;
    let definitions = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let namespace = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {ROOT_NAMESPACE}}}}}");
    kubernetes.apply(&namespace).await?;
    kubernetes.apply(&definitions).await
}

async fn disable_mutual_tls(kubernetes: &Kubernetes) -> Result<()> {
    let apply = async || Ok(kubernetes.apply(PEER_AUTHENTICATION).await);
    // A definition takes a moment until its objects are taken.
    wait::until("Istio's custom resources to be served", PATIENCE, apply, Result::is_ok).await?
}

fn command(kubernetes: &Kubernetes, folder: &Path, mesh: Mesh) -> Result<Command> {
    let is_authority = mesh == Mesh::MutualTls;
    let mut command = Command::new(Component::Istiod.find()?);
    command.current_dir(folder).arg("discovery").arg("--kubeconfig").arg(kubernetes.admin_kubeconfig()?);
    command.args(["--registries", "Kubernetes"]).arg("--meshConfig").arg(mesh_config(folder, mesh)?);
    command.args(["--httpAddr", &SocketAddr::from(HTTP).to_string()]);
    command.args(["--grpcAddr", &SocketAddr::from(XDS).to_string()]);
    let secure = if is_authority { SocketAddr::from(SECURE_XDS).to_string() } else { String::new() };
    command.args(["--secureGRPCAddr", &secure, "--httpsAddr", "", "--monitoringAddr", "127.0.0.1:15014"]);
    command.args(["--ctrlz_port", "0"]);
    command.env("POD_NAMESPACE", ROOT_NAMESPACE).env("POD_NAME", "istiod-0").env("CLUSTER_ID", "Kubernetes");
    command.env("ENABLE_CA_SERVER", is_authority.to_string());
    for switch in
        ["INJECT_ENABLED", "PILOT_ENABLE_METADATA_EXCHANGE", "PILOT_ENABLE_ALPN_FILTER", "PILOT_ENABLE_GATEWAY_API"]
    {
        command.env(switch, "false");
    }
    Ok(command)
}

fn mesh_config(folder: &Path, mesh: Mesh) -> Result<PathBuf> {
    let (file, auto) = (folder.join("mesh.yaml"), mesh == Mesh::MutualTls);
    let config = format!(
        "{{enableAutoMtls: {auto}, enablePrometheusMerge: false, rootNamespace: {ROOT_NAMESPACE}, trustDomain: cluster.local}}"
    );
    fs::write(&file, config).context("cannot write the mesh configuration")?;
    Ok(file)
}
