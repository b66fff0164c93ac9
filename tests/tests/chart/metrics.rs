//! What the program tells Prometheus, as it says it itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, EndpointSource, TcpListener};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::kubernetes::Kubernetes;
use evenkeel_tests::{EnvoyVersion, http_get, wait};
use tokio::net::TcpStream;

use super::cluster::PATIENCE;

/// Labels of one sample.
pub type Labels = BTreeMap<String, String>;

/// The metrics of one moment.
#[derive(Debug, Default)]
pub struct Exposed {
    /// The names that a query may use.
    pub names: BTreeSet<String>,
    /// Those of them that have samples.
    pub samples: BTreeMap<String, Vec<Labels>>,
}

/// The metrics of a control plane that has met everything that is counted by reason: a metric that counts nothing yet is
/// not there.
pub async fn exposed() -> Result<Exposed> {
    let kubernetes = Kubernetes::start().await?;
    let limits = ["--max-streams=1", "--max-connections-per-address=1"];
    let mut control_plane = ControlPlane::launch_in_cluster(&kubernetes.admin_kubeconfig()?, &limits).await?;
    control_plane.becomes_ready().await?;
    let _envoy = envoy(&control_plane).await?;
    let refused = "evenkeel_xds_streams_refused_total{reason=\"too_many_streams\"}";
    let refusals = async || control_plane.metric(refused).await;
    wait::until(refused, PATIENCE, refusals, Option::is_some).await?;
    let _one_too_many = TcpStream::connect(control_plane.xds()).await?;
    let refused = "evenkeel_xds_connections_refused_total{reason=\"too_many_from_address\"}";
    let refusals = async || control_plane.metric(refused).await;
    wait::until(refused, PATIENCE, refusals, Option::is_some).await?;
    let (status, text) = http_get::get(control_plane.admin(), "/metrics").await?;
    ensure!(status.is_success(), "{status}: {text}");
    parse(&text)
}

/// Has one stream for each of two clusters, on one connection.
async fn envoy(control_plane: &ControlPlane) -> Result<Envoy> {
    let source = EndpointSource::Stream { api_type: "DELTA_GRPC", cluster: "evenkeel-xds".to_owned() };
    let bootstrap = Bootstrap::new("client")
        .listener(TcpListener::new("tcp", "first"))
        .cluster(Cluster::control_plane("evenkeel-xds", &[control_plane.xds()]))
        .cluster(Cluster::eds("first", "pods/default/kubernetes:443", &source))
        .cluster(Cluster::eds("second", "pods/default/kubernetes:443", &source));
    Start::new(EnvoyVersion::NEWEST).run(bootstrap.into_json()).await
}

fn parse(text: &str) -> Result<Exposed> {
    let mut exposed = Exposed::default();
    for line in text.lines() {
        match line.strip_prefix("# ").map(|comment| comment.split(' ').collect::<Vec<_>>()).as_deref() {
            Some(["TYPE", name, kind]) => exposed.names.extend(names(name, kind)?),
            Some(_) => {}
            None => {
                let (name, labels) = sample(line)?;
                exposed.samples.entry(name).or_default().push(labels);
            }
        }
    }
    Ok(exposed)
}

/// The names under which Prometheus stores a metric of this kind.
fn names(name: &str, kind: &str) -> Result<Vec<String>> {
    let suffixes: &[&str] = match kind {
        "gauge" => &[""],
        "counter" => &["_total"],
        "info" => &["_info"],
        "histogram" => &["_bucket", "_sum", "_count"],
        other => bail!("{name} is of the unknown kind {other}"),
    };
    Ok(suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect())
}

fn sample(line: &str) -> Result<(String, Labels)> {
    let (series, _) = line.rsplit_once(' ').with_context(|| format!("no value: {line}"))?;
    let Some((name, labels)) = series.split_once('{') else { return Ok((series.to_owned(), Labels::new())) };
    let pairs = labels.trim_end_matches('}').split("\",").filter_map(|pair| pair.split_once("=\""));
    let labels = pairs.map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned())).collect();
    Ok((name.to_owned(), labels))
}
