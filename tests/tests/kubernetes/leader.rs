//! Of two replicas one leads, and the other takes over.

use anyhow::{Result, ensure};
use evenkeel_tests::kubernetes::CONTROL_PLANE_ACCOUNT;
use evenkeel_tests::network;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;

use super::cluster::Cluster;
use super::gateway::PATIENCE;
use super::replica::{Replica, two};

async fn transitions(cluster: &Cluster) -> Result<Option<i32>> {
    let leases: Api<Lease> = Api::namespaced(cluster.kubernetes.client(), CONTROL_PLANE_ACCOUNT.0);
    Ok(leases.get("evenkeel").await?.spec.and_then(|spec| spec.lease_transitions))
}

#[test]
fn when_the_leader_is_killed_the_other_leads_once_the_lease_has_run_out() -> Result<()> {
    network::isolated(|| async {
        let cluster = Cluster::start().await?;
        let (mut first, second) = two(&cluster).await?;
        first.control_plane.kill()?;
        second.becomes_leader().await?;
        second.is_labelled(true).await?;
        ensure!(transitions(&cluster).await? == Some(1));
        // What the dead one has left goes when its container is started again.
        first.is_labelled(true).await?;
        first.control_plane.restart().await?;
        first.is_labelled(false).await?;
        ensure!(second.leads().await? && !first.leads().await?);
        Ok(())
    })
}

#[test]
fn a_leader_that_ends_hands_over_at_once() -> Result<()> {
    network::isolated(|| async {
        let cluster = Cluster::start().await?;
        let (mut first, second) = two(&cluster).await?;
        ensure!(first.control_plane.terminate()?.success());
        first.is_labelled(false).await?;
        second.becomes_leader().await?;
        second.is_labelled(true).await
    })
}

/// A process that sleeps does not know that it was replaced, and must not act on what it knew.
#[test]
fn a_leader_that_was_paused_is_none_when_it_wakes_up() -> Result<()> {
    network::isolated(|| async {
        let cluster = Cluster::start().await?;
        let (mut first, second) = two(&cluster).await?;
        first.control_plane.process().pause()?;
        second.becomes_leader().await?;
        first.control_plane.process().resume()?;
        ensure!(!first.leads().await?, "it has not noticed that its time has passed");
        first.control_plane.log_until("does not lead any more", PATIENCE).await?;
        first.is_labelled(false).await?;
        ensure!(second.leads().await?);
        Ok(())
    })
}

/// It loses the Lease when it cannot renew it, and gets it back.
#[test]
fn a_leader_without_an_api_server_stops_and_leads_again_when_it_is_back() -> Result<()> {
    network::isolated(|| async {
        let mut cluster = Cluster::start().await?;
        let first = Replica::start(&cluster, "evenkeel-1").await?;
        first.becomes_leader().await?;
        cluster.kubernetes.api_server.kill()?;
        first.control_plane.metric_becomes("evenkeel_leader", 0.0, PATIENCE).await?;
        cluster.kubernetes.api_server.restart().await?;
        first.becomes_leader().await?;
        first.is_labelled(true).await
    })
}
