//! A Kubernetes cluster without kubelets: real etcd, API server and EndpointSlice controller.
//!
//! The API server has RBAC, TLS and ServiceAccount tokens as a real cluster has. Nodes and pods are objects that the test
//! writes, see [`Node`] and [`Pods`]. Its addresses are fixed, so it runs inside [`crate::network::isolated`] only.

mod account;
mod api_server;
mod audit;
pub mod container;
mod controller_manager;
mod credentials;
mod etcd;
mod kubelet;
mod manifest;
mod node;
mod pod;
mod pods;
mod proxy;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use tempfile::TempDir;

pub use self::api_server::ApiServer;
pub use self::audit::Request;
use self::controller_manager::ControllerManager;
use self::credentials::Credentials;
use self::etcd::Etcd;
pub use self::kubelet::Kubelet;
pub use self::node::Node;
pub use self::pod::{Pod, create_ready, create_unready, set_ready};
pub use self::pods::Pods;
pub use self::proxy::Proxy;

/// Whose roles are those that are shipped: namespace and name.
pub const CONTROL_PLANE_ACCOUNT: (&str, &str) = ("evenkeel", "evenkeel");
/// How long a change may take that should be there at once: starts included, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running cluster; it ends when dropped.
pub struct Kubernetes {
    client: Client,
    // Dropped in this order: nobody talks to what has gone.
    _controller_manager: ControllerManager,
    /// The API server that [`Self::client`] and the controllers use.
    pub api_server: ApiServer,
    etcd: Etcd,
    credentials: Credentials,
    _folder: TempDir,
}

impl Kubernetes {
    /// Starts a cluster and waits until it is ready.
    ///
    /// # Errors
    /// When the bed `kube` is missing (the text names the command), or a program does not become ready.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// As [`Self::start`], with more of Kubernetes' own controllers, such as `deployment-controller`.
    pub async fn start_with(controllers: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot create a folder for Kubernetes")?;
        let credentials = Credentials::generate(folder.path())?;
        let etcd = Etcd::start(folder.path()).await?;
        let api_server = ApiServer::start(1, &credentials).await?;
        let controller_manager = ControllerManager::start(&credentials, &api_server, controllers).await?;
        let client = api_server.client().await?;
        Ok(Self { client, _controller_manager: controller_manager, api_server, etcd, credentials, _folder: folder })
    }

    /// A client that may do everything.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Another API server of the same cluster, which can fail while the cluster goes on.
    pub async fn another_api_server(&self) -> Result<ApiServer> {
        ApiServer::start(2, &self.credentials).await
    }

    /// A kubeconfig file for an account, with a token as a pod would get it, to use with this API server.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn kubeconfig_for(&self, account: (&str, &str), api_server: &ApiServer) -> Result<PathBuf> {
        let (namespace, name) = account;
        let token = self.token(account, None).await?;
        self.credentials.kubeconfig(&format!("{namespace}-{name}"), namespace, &token, api_server.url())
    }

    /// A token as a pod of an account would get it: for this audience, or for the API server.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn token(&self, (namespace, name): (&str, &str), audience: Option<&str>) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let audiences = audience.into_iter().map(str::to_owned).collect();
        let spec = TokenRequestSpec { audiences, ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = accounts.create_token_request(name, &PostParams::default(), &request).await;
        let answer = answer.with_context(|| format!("no token for {namespace}/{name}"))?;
        Ok(answer.status.context("a token request without an answer")?.token)
    }

    /// Creates [`CONTROL_PLANE_ACCOUNT`] with the roles that the chart ships.
    ///
    /// # Errors
    /// When the API server refuses one of them.
    pub async fn create_control_plane_account(&self) -> Result<()> {
        self.apply(&account::objects()?).await
    }

    /// A kubeconfig file for a program of the cluster that may do everything.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn admin_kubeconfig(&self) -> Result<PathBuf> {
        self.credentials.admin_kubeconfig(self.api_server.url())
    }

    /// Creates or changes every object of these YAML documents, by server-side apply.
    ///
    /// # Errors
    /// With the object's name when the API server refuses it.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        manifest::apply(&self.client, yaml).await
    }

    /// Forgets all history: a watch from any earlier resource version is answered `410 Gone` by an API server that does
    /// not have the events in memory, such as one that has just started.
    pub async fn compact(&self) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client());
        let now = namespaces.list(&ListParams::default().limit(1)).await?.metadata.resource_version;
        self.etcd.compact(&now.context("a list without a resource version")?).await
    }
}
