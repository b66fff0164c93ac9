//! Envoy's admin interface.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http_get;

/// The admin interface, found by the file that Envoy writes its address into.
#[derive(Debug)]
pub(super) struct Admin {
    address_file: PathBuf,
}

impl Admin {
    pub(super) fn new(address_file: PathBuf) -> Self {
        Self { address_file }
    }

    pub(super) fn address(&self) -> Result<SocketAddr> {
        let address = fs::read_to_string(&self.address_file).context("Envoy has not written its admin address")?;
        Ok(address.trim().parse()?)
    }

    pub(super) async fn get(&self, path: &str) -> Result<String> {
        let (status, body) = http_get::get(self.address()?, path).await?;
        ensure!(status.is_success(), "GET {path} of Envoy's admin interface answers {status}: {body}");
        Ok(body)
    }

    /// Whether the server is LIVE and every listener of the bootstrap is bound.
    pub(super) async fn live(&self) -> Result<bool> {
        let ready = self.get("/ready").await?;
        let listeners = self.listeners().await?;
        Ok(ready.trim() == "LIVE" && listeners.iter().all(|(_, address)| address.port() != 0))
    }

    pub(super) async fn listener(&self, name: &str) -> Result<Option<SocketAddr>> {
        let listeners = self.listeners().await?;
        Ok(listeners.into_iter().find(|(found, _)| found == name).map(|(_, address)| address))
    }

    /// Counters and gauges; text readouts and histograms have no number and are left out.
    pub(super) async fn stats(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        let quoted = prefix.replace('.', "\\.").replace('|', "\\|");
        let text = self.get(&format!("/stats?filter=^{quoted}")).await?;
        let number = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(text.lines().filter_map(number).collect())
    }

    /// The addresses of a cluster's hosts, with their weights.
    pub(super) async fn hosts(&self, cluster: &str) -> Result<BTreeMap<SocketAddr, u64>> {
        self.host_statuses(cluster).await?.iter().map(weighted_address).collect()
    }

    /// The addresses of a cluster's hosts that are ejected.
    pub(super) async fn ejected(&self, cluster: &str) -> Result<Vec<SocketAddr>> {
        let hosts = self.host_statuses(cluster).await?;
        let ejected = hosts.iter().filter(|host| host["health_status"]["failed_outlier_check"] == true);
        ejected.map(|host| weighted_address(host).map(|(address, _)| address)).collect()
    }

    async fn host_statuses(&self, cluster: &str) -> Result<Vec<Value>> {
        let answer: Value = serde_json::from_str(&self.get("/clusters?format=json").await?)?;
        let mut clusters = answer["cluster_statuses"].as_array().into_iter().flatten();
        let found = clusters.find(|status| status["name"] == cluster);
        let found = found.with_context(|| format!("Envoy has no cluster {cluster}"))?;
        Ok(found["host_statuses"].as_array().cloned().unwrap_or_default())
    }

    async fn listeners(&self) -> Result<Vec<(String, SocketAddr)>> {
        let answer: Value = serde_json::from_str(&self.get("/listeners?format=json").await?)?;
        let statuses = answer["listener_statuses"].as_array().map(Vec::as_slice).unwrap_or_default();
        statuses.iter().map(named_address).collect()
    }
}

fn named_address(status: &Value) -> Result<(String, SocketAddr)> {
    let named = || Some((status["name"].as_str()?.to_owned(), socket_address(&status["local_address"])?));
    named().with_context(|| format!("not a listener's address: {status}"))
}

/// A weight of 1 is left out.
fn weighted_address(status: &Value) -> Result<(SocketAddr, u64)> {
    let address = socket_address(&status["address"]).with_context(|| format!("not a host's address: {status}"))?;
    Ok((address, status["weight"].as_u64().unwrap_or(1)))
}

/// A port of 0 is left out.
fn socket_address(address: &Value) -> Option<SocketAddr> {
    let socket = &address["socket_address"];
    let port = u16::try_from(socket["port_value"].as_u64().unwrap_or(0)).ok()?;
    Some(SocketAddr::new(socket["address"].as_str()?.parse().ok()?, port))
}
