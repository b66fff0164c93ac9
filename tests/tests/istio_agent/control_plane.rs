//! Control planes that carry out policies and are reported to, each secured in its own way.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use evenkeel::rebalance::GroupStatus;
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::istio::Certificates;
use evenkeel_tests::kubernetes::CONTROL_PLANE_ACCOUNT;
use evenkeel_tests::{artifact, http_get, wait};
use serde::Deserialize;

use super::bed::{Bed, PATIENCE};
use super::sidecar;

/// Not the address of a pod: from here no report counts without a certificate.
const XDS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 18000);
/// The account of the control plane, as proxies are told.
pub const IDENTITY: &str = "--control-plane-identity=spiffe://cluster.local/ns/evenkeel/sa/evenkeel";

/// The reports that it has refused, as Prometheus sees them.
pub const DENIED: &str = "evenkeel_reports_total{result=\"permission_denied\"}";

/// A quick election, so that a test does not wait for what it does not look at.
const FLAGS: [&str; 8] = [
    "--policies-from-cluster",
    "--filter-address=127.0.0.1:18002",
    "--filter-host=127.0.0.1",
    "--trust-domain=cluster.local",
    "--leader-election-namespace=evenkeel",
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];

#[derive(Deserialize)]
struct Groups {
    groups: Vec<GroupStatus>,
}

impl Bed {
    /// One with more flags.
    pub async fn control_plane(&self, flags: &[&str]) -> Result<ControlPlane> {
        self.control_plane_on(XDS, flags).await
    }

    /// The same, at this address.
    pub async fn control_plane_on(&self, xds: SocketAddr, flags: &[&str]) -> Result<ControlPlane> {
        let kubeconfig = self.kubernetes.kubeconfig_for(CONTROL_PLANE_ACCOUNT, &self.kubernetes.api_server).await?;
        let module = format!("--filter-module={}", artifact::wasm()?.display());
        let hosts = ["control-plane", "xds"].map(|name| format!("--{name}-host={}", xds.ip()));
        let flags = [&FLAGS[..], &[&module, &hosts[0], &hosts[1]], flags].concat();
        let mut control_plane = ControlPlane::launch_in_cluster_on(xds, &kubeconfig, &flags).await?;
        control_plane.becomes_ready().await?;
        Ok(control_plane)
    }

    /// One that ends mutual TLS itself. It says that it is what proxies are told, and has certificates for this account.
    pub async fn control_plane_with_tls(&self, account: (&str, &str)) -> Result<(ControlPlane, Certificates)> {
        let certificates = sidecar::agent(account).certificates(&self.kubernetes).await?;
        let flag = |name: &str, file: &str| format!("--{name}={}", certificates.file(file).display());
        let files = [("tls-cert", "cert-chain.pem"), ("tls-key", "key.pem"), ("client-ca", "root-cert.pem")];
        let files = files.map(|(name, file)| flag(name, file));
        let mut flags: Vec<_> = files.iter().map(String::as_str).collect();
        flags.push(IDENTITY);
        Ok((self.control_plane(&flags).await?, certificates))
    }
}

/// The connections that the gateway holds, as it has reported; `None` while no report of it has counted.
pub async fn reported(control_plane: &ControlPlane) -> Result<Option<u64>> {
    let (status, body) = http_get::get(control_plane.admin(), "/v1/groups").await?;
    ensure!(status.is_success(), "/v1/groups answers {status}: {body}");
    let Groups { groups } = serde_json::from_str(&body)?;
    let gateway = groups.iter().find(|group| group.group == "shop/gateway").and_then(|group| group.members.first());
    Ok(gateway.filter(|gateway| gateway.reports > 0).map(|gateway| gateway.live))
}

/// Waits until the gateway has reported so many.
pub async fn hears(control_plane: &ControlPlane, connections: u64) -> Result<()> {
    let what = format!("a report of {connections} connections");
    let heard = async || reported(control_plane).await?.context("no report has counted");
    wait::until(&what, PATIENCE, heard, |heard| *heard == connections).await.map(drop)
}
