//! Pods come, go and are replaced while requests pass.

use anyhow::{Result, ensure};
use evenkeel_tests::{EnvoyVersion, wait};

use super::bed::Bed;
use super::gateway::PATIENCE;

on_each_envoy! {
    only_ready_pods_get_requests_while_a_service_scales_to_zero_and_back,
    a_rolling_update_fails_no_request,
    a_pod_that_is_not_ready_gets_no_requests,
    a_lost_pod_is_forgotten,
}

async fn only_ready_pods_get_requests_while_a_service_scales_to_zero_and_back(version: EnvoyVersion) -> Result<()> {
    let mut bed = Bed::start(version).await?;
    for count in [5, 1] {
        bed.scale(count).await?;
        bed.none_failed()?;
    }
    bed.scale(0).await?;
    let unavailable = async || Ok(bed.counts().failed);
    wait::until("503", PATIENCE, unavailable, |failed| *failed > 0).await?;
    bed.scale(3).await?;
    let failures = async || {
        let before = bed.counts().failed;
        bed.requests_pass().await?;
        Ok(bed.counts().failed - before)
    };
    wait::until("both workers to have hosts again", PATIENCE, failures, |failures| *failures == 0).await?;
    let while_empty = bed.counts();
    bed.scale(2).await?;
    ensure!(bed.counts().failed == while_empty.failed, "{:?}", bed.counts());
    let only_503 = while_empty.errors.keys().all(|error| error.starts_with("status 503"));
    ensure!(only_503, "nobody was there, and that is 503 to Envoy: {while_empty:?}");
    Ok(())
}

async fn a_rolling_update_fails_no_request(version: EnvoyVersion) -> Result<()> {
    let mut bed = Bed::start(version).await?;
    bed.scale(5).await?;
    let old = bed.cluster.pods.addresses();
    bed.cluster.pods.replace().await?;
    bed.settle().await?;
    let new = bed.cluster.pods.addresses();
    ensure!(new.len() == 5 && new.iter().all(|address| !old.contains(address)), "{old:?}, then {new:?}");
    bed.end().await
}

async fn a_pod_that_is_not_ready_gets_no_requests(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version).await?;
    let [first, second] = bed.cluster.pods.running() else { anyhow::bail!("two pods") };
    second.set_ready(false).await?;
    bed.gateway.hosts_become(&[first.address()]).await?;
    let open = async || Ok(second.record().open_connections());
    wait::until("its connections to go", PATIENCE, open, |open| *open == 0).await?;
    let before = second.record().total();
    bed.requests_pass().await?;
    ensure!(second.record().total() == before);
    second.set_ready(true).await?;
    bed.only_ready_pods_get_requests().await?;
    bed.end().await
}

/// As when its node dies: there was no terminating before.
async fn a_lost_pod_is_forgotten(version: EnvoyVersion) -> Result<()> {
    let mut bed = Bed::start(version).await?;
    bed.cluster.pods.lose().await?;
    bed.only_ready_pods_get_requests().await?;
    bed.scale(2).await
}
