//! A proxy whose agent hands out no certificates, and a policy whose reports need one.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use evenkeel_tests::dns::DnsServer;
use evenkeel_tests::{EnvoyVersion, network, wait};

use super::mesh::Mesh;
use super::place::Place;
use super::traffic::serving;

/// How long a change may take that should be there at once, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// The cluster that reports go to is said to be ready after a second.
const AT_ONCE: Duration = Duration::from_secs(8);
const SECTIONS: &str = "inbound: {maxAge: 24h}, rebalance: {mode: observe}";
const LATER: &str = "
{apiVersion: v1, kind: Service, metadata: {name: later, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}]}}
";

/// Neither a proxy that serves, nor one that starts, waits for them with anything but its reports.
async fn without_certificates_a_proxy_follows_serves_and_starts(version: EnvoyVersion) -> Result<()> {
    let dns = DnsServer::start(&[Ipv4Addr::LOCALHOST]).await?;
    let mesh = Mesh::start_with(Place::Gateway, version, Some(dns.address())).await?;
    mesh.apply_secured(SECTIONS).await?;
    mesh.proxy.stat_until("wasmcustom.evenkeel.reports_failed", |failed| failed > 0, PATIENCE).await?;
    mesh.kubernetes.apply(LATER).await?;
    let hosts = async || mesh.proxy.hosts("outbound|80||later.shop.svc.cluster.local").await;
    wait::until("a cluster that came later", AT_ONCE, hosts, |hosts| hosts.len() == 2).await?;
    serving(Place::Gateway).await?;

    let start = Instant::now();
    let mesh = mesh.replace_proxy().await?;
    ensure!(start.elapsed() < AT_ONCE, "a fresh proxy was ready after {:?}", start.elapsed());
    ensure!(mesh.proxy.hosts("evenkeel-rebalance").await?.len() == 1, "the cluster has not come");
    serving(Place::Gateway).await?;
    ensure!(mesh.istiod.refusals().is_empty(), "{:?}", mesh.istiod.refusals());
    Ok(())
}

#[test]
fn without_certificates_the_oldest_envoy_follows_serves_and_starts() -> Result<()> {
    network::isolated(|| without_certificates_a_proxy_follows_serves_and_starts(EnvoyVersion::V1_37))
}

#[test]
fn without_certificates_the_newest_envoy_follows_serves_and_starts() -> Result<()> {
    network::isolated(|| without_certificates_a_proxy_follows_serves_and_starts(EnvoyVersion::NEWEST))
}
