//! The API server is away, or does not know our kind yet.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::network;
use tokio::time::sleep;

use super::bed::{Bed, PATIENCE};

#[test]
fn what_is_wanted_while_the_api_server_is_away_is_done_when_it_is_back() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let mut api_server = bed.kubernetes.another_api_server().await?;
        let mut control_plane = bed.control_plane_at(&api_server, &[]).await?;
        bed.apply_policy("caps", "cart", "inbound: {maxAge: 30m}").await?;
        bed.is_programmed("caps").await?;
        let before = bed.filter_of("caps").await?;
        api_server.kill()?;
        bed.apply_policy("caps", "cart", "inbound: {maxAge: 5m}").await?;
        // The outage is the subject: nothing that could be waited for happens in it.
        sleep(Duration::from_secs(10)).await;
        control_plane.process().check_running()?;
        ensure!(bed.filter_of("caps").await?.metadata.resource_version == before.metadata.resource_version);
        api_server.restart().await?;
        bed.filter_becomes("caps", "the new cap", |filter| filter.data != before.data).await?;
        bed.is_programmed("caps").await
    })
}

#[test]
fn policies_are_carried_out_as_soon_as_the_api_server_knows_of_them() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::without_policies().await?;
        let control_plane = bed.control_plane().await?;
        let missing = "ConnectionPolicy objects cannot be watched for policies";
        control_plane.log_until(missing, PATIENCE).await?;
        bed.install_policies().await?;
        bed.apply_policy("caps", "cart", "inbound: {maxAge: 30m}").await?;
        bed.is_programmed("caps").await
    })
}
