//! Where the API server is, and who this process is to it.

use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An API server that does not even take connections.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An API server, or what is between, that does not say anything any more. A watch hears more often than that: it asks
/// the API server to end it earlier.
const READ_TIMEOUT: Duration = Duration::from_secs(super::WATCH_SECONDS as u64 + 10);

/// Why there is nothing to connect to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file that was named cannot be used.
    #[error("--kubeconfig {}: {error}", .path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: KubeconfigError,
    },
    /// No file was named, but a context was.
    #[error("--context {context}: {error}; name the file that has it with --kubeconfig or KUBECONFIG")]
    Context {
        /// The context.
        context: String,
        /// Why it cannot be used.
        error: KubeconfigError,
    },
    /// Nothing was named, and nothing was found in the usual places.
    #[error(
        "no cluster was found: give --file CLUSTER.yaml, or --kubeconfig PATH outside a cluster; inside one, mount the \
         service account's token ({0})"
    )]
    Nowhere(InferConfigError),
    /// What was found cannot be used.
    #[error("the Kubernetes client cannot be made: {0}")]
    Client(#[from] kube::Error),
}

/// A client for the cluster of this file and context; of the usual places (`KUBECONFIG`, `~/.kube/config`, the service
/// account) if no file is given. Nothing is sent yet.
pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Client, ConnectError> {
    let mut config = config(kubeconfig, context).await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    // The watches do that, and tell what went wrong.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

async fn config(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Config, ConnectError> {
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    match (kubeconfig, context) {
        (Some(path), _) => {
            from_file(path, &options).await.map_err(|error| ConnectError::Kubeconfig { path: path.to_owned(), error })
        }
        (None, Some(context)) => Config::from_kubeconfig(&options)
            .await
            .map_err(|error| ConnectError::Context { context: context.to_owned(), error }),
        (None, None) => Config::infer().await.map_err(ConnectError::Nowhere),
    }
}

async fn from_file(path: &Path, options: &KubeConfigOptions) -> Result<Config, KubeconfigError> {
    Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, options).await
}
