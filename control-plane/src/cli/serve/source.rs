//! Where the endpoints come from: the flags, and the source that they ask for.

use crate::admin::Readiness;
use crate::model::Mesh;
use crate::source::file::FileSource;
use crate::source::kubernetes::{KubernetesSource, Progress, Selection, connect};
use crate::source::metrics::SourceMetrics;
use crate::source::{Newest, Updates};
use anyhow::Context;
use clap::Args;
use kube::Client;
use std::path::{Path, PathBuf};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The reason not to be ready that concerns the source.
pub const SOURCE: &str = "source";

/// Without any of these flags: the cluster of the current context, or the one that this process runs in.
#[derive(Args, Debug)]
pub struct SourceArguments {
    /// File with services and endpoints, watched for changes, instead of a Kubernetes cluster
    #[arg(short, long, value_name = "CLUSTER.yaml")]
    file: Option<PathBuf>,
    #[command(flatten)]
    kubernetes: KubernetesArguments,
}

#[derive(Args, Debug)]
struct KubernetesArguments {
    /// How to reach the cluster; default: KUBECONFIG, ~/.kube/config, the service account of the pod
    #[arg(long, value_name = "PATH", conflicts_with = "file")]
    kubeconfig: Option<PathBuf>,
    /// Which context of the kubeconfig to use; default: its current one
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    context: Option<String>,
    /// Serve only services of this namespace; may be given several times
    #[arg(short, long = "namespace", value_name = "NAMESPACE", conflicts_with = "file")]
    namespaces: Vec<String>,
    /// Serve only services with matching labels, such as `app=gateway,tier!=test`
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "file")]
    selector: Option<String>,
    /// Domain of the names of services, for destinations of an Istio mesh
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", conflicts_with = "file")]
    cluster_domain: String,
    /// Name of the Kubernetes cluster in an Istio mesh
    #[arg(long, value_name = "NAME", default_value = "Kubernetes", conflicts_with = "file")]
    cluster_id: String,
    /// Namespace whose policies hold for the whole Istio mesh
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system", conflicts_with = "file")]
    istio_root_namespace: String,
}

/// A source that has been started.
pub struct Started {
    /// What it knows.
    pub newest: Newest,
    /// A client of its cluster, if it has one.
    pub client: Option<Client>,
    /// Says what has not been read yet, and ends when everything has been.
    pub telling: JoinHandle<()>,
}

impl SourceArguments {
    /// The namespaces to which this process is confined; none for all.
    pub fn namespaces(&self) -> Vec<String> {
        self.kubernetes.selection().namespaces
    }

    /// Starts the source. Until it has read everything once, `readiness` says what is missing.
    pub async fn start(&self, metrics: SourceMetrics, readiness: &Readiness) -> anyhow::Result<Started> {
        let (updates, newest) = Updates::new();
        if let Some(file) = &self.file {
            follow_file(file, updates, metrics).await?;
            return Ok(Started { newest, client: None, telling: tokio::spawn(async {}) });
        }
        let (client, telling) = self.kubernetes.follow(updates, metrics, readiness).await?;
        Ok(Started { newest, client: Some(client), telling })
    }
}

async fn follow_file(file: &Path, updates: Updates, metrics: SourceMetrics) -> anyhow::Result<()> {
    let source = FileSource::open(file.to_owned(), updates, metrics).await;
    let source = source.with_context(|| format!("--file {}", file.display()))?;
    tokio::spawn(source.run());
    Ok(())
}

impl KubernetesArguments {
    async fn follow(
        &self,
        updates: Updates,
        metrics: SourceMetrics,
        readiness: &Readiness,
    ) -> anyhow::Result<(Client, JoinHandle<()>)> {
        let client = connect(self.kubeconfig.as_deref(), self.context.as_deref()).await?;
        let selection = self.selection();
        let (source, progress) = KubernetesSource::new(&selection, updates, metrics);
        let telling = tokio::spawn(tell(progress, readiness.clone()));
        tokio::spawn(source.run(client.clone(), selection));
        Ok((client, telling))
    }

    fn selection(&self) -> Selection {
        let mut namespaces = self.namespaces.clone();
        namespaces.sort();
        namespaces.dedup();
        Selection { namespaces, selector: self.selector.clone(), mesh: self.mesh() }
    }

    fn mesh(&self) -> Mesh {
        Mesh {
            domain: self.cluster_domain.clone(),
            cluster_id: self.cluster_id.clone(),
            root_namespace: self.istio_root_namespace.clone(),
            ..Mesh::default()
        }
    }
}

/// Says what is missing. That nothing is missing is said by whoever serves it.
async fn tell(mut progress: watch::Receiver<Progress>, readiness: Readiness) {
    loop {
        let now = progress.borrow_and_update().clone();
        if now.is_complete() {
            return;
        }
        readiness.block(SOURCE, now.to_string());
        if progress.changed().await.is_err() {
            return;
        }
    }
}
