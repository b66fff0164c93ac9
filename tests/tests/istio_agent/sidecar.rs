//! The control plane's sidecar ends mutual TLS: `xds.security: mesh` of the chart.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::envoy::Envoy;
use evenkeel_tests::istio::{Agent, Proxy, Role};
use evenkeel_tests::kubernetes::{CONTROL_PLANE_ACCOUNT, Node, create_ready};
use evenkeel_tests::{EnvoyVersion, artifact, network, wait};
use kube::Api;
use serde_json::{Value, json};

use super::bed::{Bed, PATIENCE, REPORTS, REPORTS_AND_ENDPOINTS};
use super::control_plane::{DENIED, IDENTITY, hears, reported};
use super::gateway;

/// The pod of the control plane.
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 244, 100, 9)), 18000);
const SERVICE: &str = "
{apiVersion: v1, kind: Service, metadata: {name: evenkeel-rebalance, namespace: evenkeel}, spec: {
  selector: {app: evenkeel}, ports: [{name: grpc-rebalance, port: 18000}]}}
";
/// As Istio redirects what comes into a pod. What its sidecar sends on is not redirected again.
const REDIRECTION: &str = "
table ip sidecar {
  chain output {
    type nat hook output priority -100;
    ip saddr != 127.0.0.6 ip daddr 10.244.100.9 tcp dport 18000 redirect to :15006
  }
}
";
#[test]
fn reports_count_by_what_the_sidecar_says_of_their_certificate() -> Result<()> {
    network::isolated(|| async {
        let (bed, control_plane, sidecar) = start().await?;
        bed.kubernetes.apply(&only("gateway")?).await?;
        let gateway = bed.gateway("gateway").await?;
        bed.apply_policy(REPORTS_AND_ENDPOINTS).await?;
        hears(&control_plane, 0).await?;
        let mut connection = gateway::connect().await?;
        hears(&control_plane, 1).await?;
        gateway::stays(&mut connection).await?;
        ensure!(denied(&sidecar).await? == 0, "a report was refused");
        for cluster in ["evenkeel-rebalance", "evenkeel-xds"] {
            ensure!(gateway.stat(&format!("cluster.{cluster}.ssl.handshake")).await? > 0, "{cluster}: in clear text");
        }
        ensure!(bed.istiod.refusals().is_empty(), "{:?}", bed.istiod.refusals());
        Ok(())
    })
}

#[test]
fn an_authorization_policy_keeps_strangers_from_the_control_plane() -> Result<()> {
    network::isolated(|| async {
        let (bed, control_plane, sidecar) = start().await?;
        bed.kubernetes.apply(&only("gateway")?).await?;
        let gateway = bed.gateway("stranger").await?;
        bed.apply_policy(REPORTS).await?;
        wait::until("refusals", PATIENCE, async || denied(&sidecar).await, |denied| *denied > 2).await?;
        gateway.stat_until("wasmcustom.evenkeel.reports_failed", |failed| failed > 2, PATIENCE).await?;
        gateway::connect().await?;
        ensure!(reported(&control_plane).await?.is_none(), "a report has counted");
        ensure!(control_plane.metric(DENIED).await?.unwrap_or_default() == 0.0, "a report has come");
        Ok(())
    })
}

/// The requests that the `AuthorizationPolicy` has refused.
async fn denied(sidecar: &Envoy) -> Result<u64> {
    let stats = sidecar.stats("http.inbound_").await?;
    Ok(stats.iter().filter(|(name, _)| name.ends_with("rbac.denied")).map(|(_, value)| value).sum())
}

/// A mesh with a control plane and its sidecar.
async fn start() -> Result<(Bed, ControlPlane, Envoy)> {
    let bed = Bed::start().await?;
    bed.kubernetes.apply(SERVICE).await?;
    let pods = Api::namespaced(bed.kubernetes.client(), "evenkeel");
    create_ready(&pods, ("evenkeel-1", "evenkeel"), Some("evenkeel"), &Node::new(1), ADDRESS).await?;
    redirect()?;
    let control_plane = bed.control_plane_on(ADDRESS, &["--insecure", "--trust-xfcc", IDENTITY]).await?;
    let sidecar = agent(CONTROL_PLANE_ACCOUNT).start(&bed.kubernetes, EnvoyVersion::NEWEST).await?;
    Ok((bed, control_plane, sidecar))
}

/// The agent of a pod of the control plane, with certificates for this account.
pub fn agent((namespace, account): (&str, &str)) -> Agent {
    let proxy = Proxy {
        role: Role::Sidecar,
        address: ADDRESS.ip(),
        name: "evenkeel-1".to_owned(),
        namespace: namespace.to_owned(),
        labels: [("app".to_owned(), "evenkeel".to_owned())].into(),
        dns: None,
    };
    Agent::new(proxy, account, 9)
}

fn redirect() -> Result<()> {
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().context("cannot start nft")?;
    nft.stdin.take().context("no standard input")?.write_all(REDIRECTION.as_bytes())?;
    ensure!(nft.wait()?.success(), "nft does not take the redirection");
    Ok(())
}

/// The example, for this account of the namespace `shop` alone.
fn only(account: &str) -> Result<String> {
    let example = artifact::workspace_folder().join("istio/examples/authorization-policy.yaml");
    let mut policy: Value = serde_saphyr::from_str(&fs::read_to_string(example)?)?;
    policy["metadata"]["namespace"] = json!("evenkeel");
    policy["spec"]["selector"]["matchLabels"] = json!({"app": "evenkeel"});
    policy["spec"]["rules"][0]["from"] =
        json!([{"source": {"principals": [format!("cluster.local/ns/shop/sa/{account}")]}}]);
    Ok(policy.to_string())
}
