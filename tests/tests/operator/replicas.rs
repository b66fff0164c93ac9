//! Of two replicas only the leader writes.

use anyhow::{Result, ensure};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::kubernetes::{ApiServer, CONTROL_PLANE_ACCOUNT};
use evenkeel_tests::{network, wait};

use super::bed::{Bed, PATIENCE};

#[test]
fn only_the_leader_writes_and_the_other_takes_over() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let mut first = bed.control_plane().await?;
        leads(&first).await?;
        // With an API server of its own, so that its requests can be told from the leader's.
        let api_server = bed.kubernetes.another_api_server().await?;
        let second = bed.control_plane_at(&api_server, &[]).await?;
        bed.apply_policy("caps", "cart", "inbound: {maxAge: 30m}").await?;
        bed.is_programmed("caps").await?;
        ensure!(writes(&api_server)?.is_empty(), "{:?}", writes(&api_server)?);

        first.kill()?;
        leads(&second).await?;
        bed.apply_policy("caps", "cart", "inbound: {maxAge: 5m}").await?;
        bed.is_programmed("caps").await?;
        let written = writes(&api_server)?;
        for resource in ["envoyfilters", "connectionpolicies/status"] {
            ensure!(written.iter().any(|written| written == resource), "{written:?}");
        }
        Ok(())
    })
}

async fn leads(control_plane: &ControlPlane) -> Result<()> {
    let leader = async || control_plane.metric("evenkeel_leader").await;
    wait::until("a leader", PATIENCE, leader, |leads| *leads == Some(1.0)).await.map(drop)
}

/// What the control plane has written through this API server, beside the Lease for which it stands.
fn writes(api_server: &ApiServer) -> Result<Vec<String>> {
    let requests = api_server.requests_of(CONTROL_PLANE_ACCOUNT)?.into_iter();
    let reads = ["get", "list", "watch"];
    let writes = requests.filter(|request| !reads.contains(&request.verb.as_str()) && request.resource != "leases");
    Ok(writes.map(|request| request.resource).collect())
}
