//! What the control plane counts.

use anyhow::Result;
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::wait;

use super::proxy::PATIENCE;

pub const REQUESTS: &str = "evenkeel_xds_requests_total{type=\"ClusterLoadAssignment\"}";
pub const REJECTS: &str = "evenkeel_xds_rejects_total{type=\"ClusterLoadAssignment\"}";
pub const FAILED_RELOADS: &str = "evenkeel_source_reloads_total{outcome=\"failed\"}";
pub const LAST_RELOAD_FAILED: &str = "evenkeel_source_last_reload_failed";
const PUSHES: &str = "evenkeel_xds_pushes_total{type=\"ClusterLoadAssignment\"}";
const ACKS: &str = "evenkeel_xds_acks_total{type=\"ClusterLoadAssignment\"}";

/// How many responses were sent, when each has been accepted or rejected.
pub async fn responses(control_plane: &ControlPlane) -> Result<u64> {
    let counts = async || {
        let [pushes, acks, rejects] = [PUSHES, ACKS, REJECTS].map(|name| control_plane.metric(name));
        anyhow::Ok([pushes.await?, acks.await?, rejects.await?].map(|count| count.unwrap_or_default() as u64))
    };
    let answered = |[pushes, acks, rejects]: &[u64; 3]| *pushes == acks + rejects;
    let [pushes, ..] = wait::until("every response to be answered", PATIENCE, counts, answered).await?;
    Ok(pushes)
}
