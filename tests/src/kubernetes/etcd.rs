//! etcd, which keeps the cluster's objects and their history.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use evenkeel_bed::kubernetes::Component;
use http::Request;
use kube::{Client, Config};
use serde_json::{Value, json};

use super::PATIENCE;
use crate::process::Process;
use crate::{http_get, wait};

/// Where clients connect.
pub(super) const URL: &str = "http://127.0.0.1:2379";

#[derive(Debug)]
pub(super) struct Etcd {
    process: Process,
}

impl Etcd {
    pub(super) async fn start(folder: &Path) -> Result<Self> {
        let mut command = Command::new(Component::Etcd.find()?);
        command.arg("--data-dir").arg(folder.join("etcd"));
        // A test's data need not survive the machine's end.
        command.args(["--name", "etcd", "--unsafe-no-fsync", "--log-level", "warn"]);
        command.args(["--listen-client-urls", URL, "--advertise-client-urls", URL]);
        let peer = "http://127.0.0.1:2380";
        command.args(["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]);
        command.args(["--initial-cluster", &format!("etcd={peer}")]);
        let mut etcd = Self { process: Process::spawn("etcd", command, &folder.join("etcd.log"))? };
        etcd.wait_until_healthy().await?;
        Ok(etcd)
    }

    /// Forgets what was before this revision, which is what Kubernetes calls a resource version.
    pub(super) async fn compact(&self, revision: &str) -> Result<()> {
        let order = json!({"revision": revision, "physical": true}).to_string().into_bytes();
        let client = Client::try_from(Config::new(URL.parse()?))?;
        let done: Result<Value, _> = client.request(Request::post("/v3/kv/compaction").body(order)?).await;
        done.map(drop).with_context(|| format!("etcd does not compact to {revision}"))
    }

    async fn wait_until_healthy(&mut self) -> Result<()> {
        let address = URL.trim_start_matches("http://").parse()?;
        let health = async || {
            // A process that has ended will never be healthy: the answer is final, and shows its log.
            match self.process.check_running() {
                Err(ended) => Ok(Err(ended)),
                Ok(()) => http_get::get(address, "/health").await.map(|(status, _)| Ok(status)),
            }
        };
        let healthy = |seen: &Result<http::StatusCode>| seen.as_ref().map_or(true, http::StatusCode::is_success);
        wait::until("etcd to be healthy", PATIENCE, health, healthy).await?.map(drop)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // Its data goes too: there is nothing to end in good order.
        let _ = self.process.kill();
    }
}
