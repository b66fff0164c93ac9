//! Envoy moves from one control plane to another: to a replica that serves the same, and to one that knows nothing yet.

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;

use super::metric::{REQUESTS, responses};
use super::proxy::PATIENCE;
use super::traffic::Bed;
use super::transport::Transport;

on_each_transport! {
    a_replica_takes_over_with_the_same_versions,
}

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
