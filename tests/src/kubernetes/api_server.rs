//! kube-apiserver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use evenkeel_bed::kubernetes::Component;
use http::Request as HttpRequest;
use kube::Client;

use super::audit::{self, Request};
use super::credentials::Credentials;
use super::{PATIENCE, etcd};
use crate::process::Process;
use crate::wait;

/// A running API server; it ends when dropped.
pub struct ApiServer {
    process: Process,
    url: String,
    name: String,
    credentials: Credentials,
}

impl ApiServer {
    /// Starts the n-th one of a cluster, at `10.0.0.N:6443`, and waits until it is ready.
    pub(super) async fn start(number: u8, credentials: &Credentials) -> Result<Self> {
        let (url, name) = (format!("https://10.0.0.{number}:6443"), format!("kube-apiserver-{number}"));
        fs::write(credentials.folder().join("audit-policy.yaml"), audit::POLICY)?;
        let process = spawn(&name, &format!("10.0.0.{number}"), credentials)?;
        let mut server = Self { process, url, name, credentials: credentials.clone() };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// Where clients connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client of this one that may do everything.
    pub async fn client(&self) -> Result<Client> {
        self.credentials.admin(&self.url).await
    }

    /// The child process: log, pause, resume.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it at once: connections end without a word.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill().map(drop)
    }

    /// Starts it again at the same address, with the same data, after [`Self::kill`].
    pub async fn restart(&mut self) -> Result<()> {
        self.process = spawn(&self.name, self.address(), &self.credentials)?;
        self.wait_until_ready().await
    }

    /// What a ServiceAccount has asked of this server so far.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn requests_of(&self, account: (&str, &str)) -> Result<Vec<Request>> {
        audit::requests_of(account, &self.credentials.folder().join(&self.name).with_added_extension("audit"))
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("https://").trim_end_matches(":6443")
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let client = self.client().await?;
        let readiness = async || {
            // A process that has ended will never be ready: the answer is final, and shows its log.
            match self.process.check_running() {
                Err(ended) => Ok(Err(ended)),
                Ok(()) => check(&client, "/readyz").await.map(Ok),
            }
        };
        let what = format!("{} to be ready", self.name);
        wait::until(&what, PATIENCE, readiness, |_| true).await.with_context(|| self.process.log_tail())?
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        // It would wait for its clients, and nobody needs what they still have to say.
        let _ = self.process.kill();
    }
}

/// Fails until a health check is answered with 200.
pub(super) async fn check(client: &Client, path: &str) -> Result<()> {
    client.request_text(HttpRequest::get(path).body(Vec::new())?).await?;
    Ok(())
}

fn spawn(name: &str, address: &str, credentials: &Credentials) -> Result<Process> {
    let folder = credentials.folder();
    let mut command = Command::new(Component::ApiServer.find()?);
    let mut flag = |name: &str, value: &Path| {
        command.arg(format!("--{name}")).arg(value);
    };
    flag("tls-cert-file", &credentials.certificate());
    flag("tls-private-key-file", &credentials.key());
    flag("token-auth-file", &credentials.tokens());
    flag("service-account-key-file", &credentials.service_account_public_key());
    flag("service-account-signing-key-file", &credentials.service_account_key());
    flag("audit-policy-file", &folder.join("audit-policy.yaml"));
    flag("audit-log-path", &folder.join(name).with_added_extension("audit"));
    command.args(["--etcd-servers", etcd::URL, "--bind-address", address, "--advertise-address", address]);
    command.args(["--secure-port", "6443", "--service-cluster-ip-range", "10.96.0.0/16"]);
    command.args(["--authorization-mode", "RBAC", "--service-account-issuer", "https://kubernetes.default.svc"]);
    // Pods are records here, and need no account; the endpoints of the API itself are nobody's concern.
    command.args(["--disable-admission-plugins", "ServiceAccount", "--endpoint-reconciler-type", "none"]);
    Process::spawn(name, command, &log(folder, name))
}

/// One log for all runs of a server.
fn log(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).with_added_extension("log")
}
