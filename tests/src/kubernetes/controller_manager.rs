//! kube-controller-manager, with the controller that makes EndpointSlices from Services and pods, and those that a test
//! asks for.

use std::process::Command;

use anyhow::{Context, Result};
use evenkeel_bed::kubernetes::Component;

use super::PATIENCE;
use super::api_server::{ApiServer, check};
use super::credentials::Credentials;
use crate::process::Process;
use crate::wait;

#[derive(Debug)]
pub(super) struct ControllerManager {
    process: Process,
}

impl ControllerManager {
    pub(super) async fn start(credentials: &Credentials, api_server: &ApiServer, controllers: &[&str]) -> Result<Self> {
        let kubeconfig = credentials.admin_kubeconfig(api_server.url())?;
        let mut command = Command::new(Component::ControllerManager.find()?);
        for flag in ["--kubeconfig", "--authentication-kubeconfig", "--authorization-kubeconfig"] {
            command.arg(flag).arg(&kubeconfig);
        }
        command.arg("--tls-cert-file").arg(credentials.certificate());
        command.arg("--tls-private-key-file").arg(credentials.key());
        let controllers = [&["endpointslice-controller"], controllers].concat().join(",");
        command.args(["--controllers", &controllers, "--leader-elect=false"]);
        command.args(["--bind-address", "127.0.0.1", "--secure-port", "10257", "--authentication-skip-lookup"]);
        // A test changes more in a second than a cluster of this size.
        command.args(["--kube-api-qps", "500", "--kube-api-burst", "1000"]);
        let log = credentials.folder().join("kube-controller-manager.log");
        let mut controllers = Self { process: Process::spawn("kube-controller-manager", command, &log)? };
        controllers.wait_until_ready(credentials).await?;
        Ok(controllers)
    }

    async fn wait_until_ready(&mut self, credentials: &Credentials) -> Result<()> {
        let client = credentials.admin("https://127.0.0.1:10257").await?;
        let readiness = async || match self.process.check_running() {
            Err(ended) => Ok(Err(ended)),
            Ok(()) => check(&client, "/healthz").await.map(Ok),
        };
        let ready = wait::until("kube-controller-manager to be ready", PATIENCE, readiness, |_| true).await;
        ready.with_context(|| self.process.log_tail())?
    }
}
