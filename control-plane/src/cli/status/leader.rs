//! The replica that leads, found in its cluster.

use crate::cli::admin::Admin;
use crate::rebalance::leader::LABEL;
use crate::source::kubernetes::{ConnectError, connect};
use anyhow::{Context, anyhow};
use clap::Args;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use std::path::PathBuf;

/// The admin port of the pods.
const PORT: u16 = 18001;

/// Where to look for it.
#[derive(Args, Debug)]
pub struct LeaderArguments {
    /// Ask the replica that leads in this namespace, through the API server, such as evenkeel-system
    #[arg(short, long, value_name = "NAMESPACE", conflicts_with = "admin_address")]
    namespace: Option<String>,
    /// How to reach the cluster; default: KUBECONFIG, ~/.kube/config, the service account of the pod
    #[arg(long, value_name = "PATH", requires = "namespace")]
    kubeconfig: Option<PathBuf>,
    /// Which context of the kubeconfig to use; default: its current one
    #[arg(long, value_name = "NAME", requires = "namespace")]
    context: Option<String>,
}

impl LeaderArguments {
    /// Its admin port; `None` when no namespace is named.
    pub async fn admin(&self) -> anyhow::Result<Option<Admin>> {
        let Some(namespace) = &self.namespace else { return Ok(None) };
        let pods: Api<Pod> = Api::namespaced(self.client().await?, namespace);
        let leading = ListParams::default().labels(&format!("{LABEL}=true")).fields("status.phase=Running");
        let leading = pods.list(&leading).await.with_context(|| format!("pods of namespace {namespace}"))?;
        let leader = leading.items.first().map(ResourceExt::name_any);
        let leader =
            leader.with_context(|| format!("no running pod of namespace {namespace} has the label {LABEL}"))?;
        Ok(Some(Admin::Pod(Box::new(pods), leader, PORT)))
    }

    async fn client(&self) -> anyhow::Result<kube::Client> {
        let client = connect(self.kubeconfig.as_deref(), self.context.as_deref()).await;
        client.map_err(|error| match error {
            ConnectError::Nowhere(error) => {
                anyhow!("no cluster was found: give --kubeconfig PATH, or --admin-address HOST:PORT ({error})")
            }
            error => error.into(),
        })
    }
}
