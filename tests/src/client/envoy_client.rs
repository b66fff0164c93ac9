//! An Envoy as the client: a mesh's sidecar, or the next gateway.

use anyhow::Result;
use evenkeel_bed::EnvoyVersion;

use super::{Load, Outcome, hyper_client};
use crate::bootstrap::{Bootstrap, Cluster, HttpListener};
use crate::envoy::{Envoy, Start};

/// hyper drives the Envoy; what the Envoy cannot send comes back as 503 and is a failure.
pub(super) async fn run(load: &Load, http2: bool) -> Result<Outcome> {
    let envoy = start(load, http2).await?;
    let through = Load { target: envoy.listener("client").await?, ..load.clone() };
    let outcome = hyper_client::run(&through, false).await?;
    Ok(Outcome { dials: Some(envoy.stat("cluster.target.upstream_cx_total").await?), ..outcome })
}

async fn start(load: &Load, http2: bool) -> Result<Envoy> {
    let cluster = Cluster::new("target", &[load.target]);
    let cluster = if http2 { cluster.http2() } else { cluster };
    let listener = HttpListener::new("client").route("/", "target");
    let bootstrap = Bootstrap::new("client").listener(listener).cluster(cluster);
    Start::new(EnvoyVersion::NEWEST).run(bootstrap.into_json()).await
}
