//! The Kubernetes cluster whose pods are checked.

use crate::cli::admin::Admin;
use crate::source::kubernetes::{ConnectError, connect};
use anyhow::{Context, anyhow};
use clap::Args;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use std::path::PathBuf;

/// The flags of kubectl and istioctl.
#[derive(Args, Debug)]
pub struct ClusterArguments {
    /// Namespace of the pod or Service; default: that of the context
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// How to reach the cluster; default: KUBECONFIG, ~/.kube/config, the service account of the pod
    #[arg(long, value_name = "PATH")]
    kubeconfig: Option<PathBuf>,
    /// Which context of the kubeconfig to use; default: its current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Port of Envoy's admin interface in the pod
    #[arg(long, value_name = "PORT", default_value_t = 15000)]
    proxy_admin_port: u16,
}

impl ClusterArguments {
    /// The admin port of `POD[.NAMESPACE]`.
    pub async fn admin(&self, pod: &str) -> anyhow::Result<Admin> {
        let client = self.client().await?;
        let (name, namespace) = self.name(pod, &client);
        Ok(self.admin_of(client, &namespace, name))
    }

    /// The name of each running pod of `SERVICE[.NAMESPACE]`, and its admin port.
    pub async fn pods(&self, service: &str) -> anyhow::Result<Vec<(String, Admin)>> {
        let client = self.client().await?;
        let (name, namespace) = self.name(service, &client);
        let services: Api<Service> = Api::namespaced(client.clone(), &namespace);
        let service = services.get(&name).await.with_context(|| format!("Service {namespace}/{name}"))?;
        let selector = service.spec.and_then(|spec| spec.selector).filter(|labels| !labels.is_empty());
        let selector = selector
            .with_context(|| format!("Service {namespace}/{name} has no selector, so it has no pods of its own"))?;
        let selector: Vec<String> = selector.iter().map(|(label, value)| format!("{label}={value}")).collect();
        let wanted = ListParams::default().labels(&selector.join(",")).fields("status.phase=Running");
        let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        let pods = pods.list(&wanted).await.with_context(|| format!("pods of Service {namespace}/{name}"))?;
        let names = pods.items.iter().map(ResourceExt::name_any);
        Ok(names.map(|name| (name.clone(), self.admin_of(client.clone(), &namespace, name))).collect())
    }

    async fn client(&self) -> anyhow::Result<Client> {
        let client = connect(self.kubeconfig.as_deref(), self.context.as_deref()).await;
        client.map_err(|error| match error {
            ConnectError::Nowhere(error) => {
                anyhow!("no cluster was found: give --kubeconfig PATH, or --admin IP:PORT of an Envoy ({error})")
            }
            error => error.into(),
        })
    }

    fn admin_of(&self, client: Client, namespace: &str, pod: String) -> Admin {
        Admin::Pod(Box::new(Api::namespaced(client, namespace)), pod, self.proxy_admin_port)
    }

    /// As istioctl takes names apart: with `-n` there is no namespace in them.
    fn name(&self, name: &str, client: &Client) -> (String, String) {
        match (&self.namespace, name.rsplit_once('.')) {
            (Some(namespace), _) => (name.to_owned(), namespace.clone()),
            (None, Some((name, namespace))) => (name.to_owned(), namespace.to_owned()),
            (None, None) => (name.to_owned(), client.default_namespace().to_owned()),
        }
    }
}
