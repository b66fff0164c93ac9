//! Envoy moves from one control plane to another: to a replica that serves the same, and to one that knows nothing yet.

use std::fs;

use anyhow::Result;
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::{EnvoyVersion, wait};

use super::metric::{REQUESTS, responses};
use super::proxy::PATIENCE;
use super::traffic::Bed;
use super::transport::Transport;

on_each_transport! {
    a_replica_takes_over_with_the_same_versions,
    a_control_plane_that_knows_nothing_yet_takes_nothing_away,
}

/// An API server that is not there.
const NOBODY: &str = "
apiVersion: v1
kind: Config
clusters: [{name: nobody, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: nobody, user: {}}]
contexts: [{name: nobody, context: {cluster: nobody, user: nobody}}]
current-context: nobody
";
const REFUSED: &str = "evenkeel_xds_streams_refused_total{reason=\"not_synced\"}";

async fn a_replica_takes_over_with_the_same_versions(version: EnvoyVersion, transport: Transport) -> Result<()> {
    let (mut bed, mut replica) = Bed::start_with_replica(version, transport).await?;
    bed.control_plane.kill()?;
    // By delta Envoy says which version it has, and nothing is sent again: the replica's version is the same.
    let (requests, answers) = if transport.is_delta() { (1.0, 0) } else { (2.0, 1) };
    replica.metric_becomes(REQUESTS, requests, PATIENCE).await?;
    assert_eq!(responses(&replica).await?, answers);
    bed.keeps_its_hosts().await?;
    bed.requests_pass().await?;
    std::mem::swap(&mut bed.control_plane, &mut replica);
    bed.follows_the_file().await?;
    bed.no_request_failed().await
}

async fn a_control_plane_that_knows_nothing_yet_takes_nothing_away(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let mut bed = Bed::start(version, transport).await?;
    bed.control_plane.kill()?;
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, NOBODY)?;
    let unsynced = ControlPlane::launch_in_cluster_on(bed.control_plane.xds(), &kubeconfig, &[]).await?;
    let refused = async || unsynced.metric(REFUSED).await;
    wait::until("streams to be refused", PATIENCE, refused, |count| *count >= Some(2.0)).await?;
    assert!(!unsynced.readiness().await?.0);
    bed.keeps_its_hosts().await?;
    bed.requests_pass().await?;
    drop(unsynced);
    bed.control_plane.restart().await?;
    bed.follows_the_file().await?;
    bed.no_request_failed().await
}
