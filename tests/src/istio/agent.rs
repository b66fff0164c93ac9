//! Istio's agent, which starts an Envoy and fetches its configuration, certificates and modules, as in a pod.
//!
//! It reads and writes the files that a pod has by the same paths, in a folder of its own. What it downloads has an absolute
//! path, so it has a file system of its own there.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use evenkeel_bed::EnvoyVersion;
use evenkeel_bed::istio::{Component, bootstrap_template};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::json;
use tempfile::TempDir;

use super::proxy::Proxy;
use super::{PATIENCE, SECURE_XDS};
use crate::envoy::Envoy;
use crate::kubernetes::Kubernetes;
use crate::process::Process;
use crate::wait;

/// What is in every pod by these paths.
const TOKEN: &str = "var/run/secrets/tokens/istio-token";
const AUTHORITIES: &str = "var/run/secrets/istio/root-cert.pem";
const LABELS: &str = "etc/istio/pod/labels";
/// Where the agent keeps modules, in a file system that ends with it.
const OWN_FILES: &str = "mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/istio/data && exec \"$0\" \"$@\"";
/// The audience of tokens by which istiod knows whose certificate to issue.
const AUDIENCE: &str = "istio-ca";
/// The name in istiod's own certificate.
const ISTIOD: &str = "istiod.istio-system.svc";

/// An agent, and the pod that it is in.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The pod.
    pub proxy: Proxy,
    /// The service account of the pod.
    pub account: String,
    /// Its four own ports begin here: pods share one network.
    pub ports: u16,
}

impl Agent {
    /// The agent of this pod. The number makes its ports its own.
    pub fn new(proxy: Proxy, account: &str, number: u8) -> Self {
        Self { proxy, account: account.to_owned(), ports: 20_000 + 10 * u16::from(number) }
    }

    /// Starts it and waits until its Envoy has its first configuration.
    ///
    /// # Errors
    /// When a bed is missing (the text names the command), there is no such account, or Envoy is not ready in time.
    pub async fn start(&self, kubernetes: &Kubernetes, version: EnvoyVersion) -> Result<Envoy> {
        let folder = self.folder(kubernetes).await?;
        let mut command = self.command(folder.path())?;
        command.arg("proxy").arg(self.proxy.role.name()).args(["--proxyLogLevel", "warning"]);
        command.env("PROXY_CONFIG", self.proxy_config(version)?);
        let process = Process::spawn(&self.proxy.name, command, &folder.path().join("log"))?;
        Envoy::of_agent(process, folder, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.ports)).await
    }

    /// Lets it write a certificate of the pod, its key and the mesh's authorities to files, and runs no Envoy.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn certificates(&self, kubernetes: &Kubernetes) -> Result<Certificates> {
        let folder = self.folder(kubernetes).await?;
        let mut command = self.command(folder.path())?;
        command.args(["proxy", "sidecar"]).env("DISABLE_ENVOY", "true").env("OUTPUT_CERTS", folder.path());
        command.env("PROXY_CONFIG", self.proxy_config(EnvoyVersion::NEWEST)?);
        let process = Process::spawn(&self.proxy.name, command, &folder.path().join("log"))?;
        let certificates = Certificates { process, folder };
        let written =
            async || Ok(["cert-chain.pem", "key.pem", "root-cert.pem"].map(|name| certificates.file(name).is_file()));
        let all = |written: &[bool; 3]| written.iter().all(|is_written| *is_written);
        let waited = wait::until("certificates", PATIENCE, written, all).await;
        waited.with_context(|| certificates.process.log_tail())?;
        Ok(certificates)
    }

    /// What a kubelet mounts into the pod.
    async fn folder(&self, kubernetes: &Kubernetes) -> Result<TempDir> {
        let Proxy { namespace, labels, .. } = &self.proxy;
        let folder = tempfile::tempdir().context("cannot create a folder for an agent")?;
        let token = kubernetes.token((namespace, &self.account), Some(AUDIENCE)).await?;
        let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value:?}\n")).collect();
        for (path, content) in
            [(TOKEN, token), (AUTHORITIES, authorities(kubernetes, namespace).await?), (LABELS, labels.concat())]
        {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().context("a path without a folder")?)?;
            fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(folder)
    }

    /// The agent, without its arguments. What it starts ends with it.
    fn command(&self, folder: &Path) -> Result<Command> {
        let Proxy { name, namespace, address, .. } = &self.proxy;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", OWN_FILES]);
        command.arg(Component::Agent.find()?).current_dir(folder);
        command.env("POD_NAME", name).env("POD_NAMESPACE", namespace).env("SERVICE_ACCOUNT", &self.account);
        command.env("INSTANCE_IP", address.to_string()).env("ISTIO_META_CLUSTER_ID", "Kubernetes");
        command.env("ISTIOD_SAN", ISTIOD).env("CLOUD_PLATFORM", "none");
        command.env("ENVOY_STATUS_PORT", (self.ports + 2).to_string());
        command.env("ENVOY_PROMETHEUS_PORT", (self.ports + 3).to_string());
        Ok(command)
    }

    /// As the injector writes it into the pod.
    fn proxy_config(&self, version: EnvoyVersion) -> Result<String> {
        let config = json!({
            "discoveryAddress": SocketAddr::from(SECURE_XDS),
            "binaryPath": version.find()?,
            "proxyBootstrapTemplatePath": bootstrap_template()?,
            "proxyAdminPort": self.ports,
            "statusPort": self.ports + 1,
            "concurrency": 2,
            "terminationDrainDuration": "1s",
            "proxyStatsMatcher": {"inclusionPrefixes": ["cluster.", "sds."]},
        });
        Ok(config.to_string())
    }
}

/// The files, for as long as their agent runs.
#[derive(Debug)]
pub struct Certificates {
    process: Process,
    folder: TempDir,
}

impl Certificates {
    /// The path of `cert-chain.pem`, `key.pem` or `root-cert.pem`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// istiod writes them into every namespace.
async fn authorities(kubernetes: &Kubernetes, namespace: &str) -> Result<String> {
    let maps: Api<ConfigMap> = Api::namespaced(kubernetes.client(), namespace);
    let authorities = async || {
        let map = maps.get("istio-ca-root-cert").await?;
        map.data.and_then(|mut data| data.remove("root-cert.pem")).context("a ConfigMap without authorities")
    };
    wait::until("istiod's authority", PATIENCE, authorities, |_| true).await
}
