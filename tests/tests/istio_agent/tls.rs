//! The control plane ends mutual TLS itself: `xds.security: tls` of the chart.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::kubernetes::CONTROL_PLANE_ACCOUNT;
use evenkeel_tests::network;
use tokio::time::sleep;

use super::bed::{Bed, PATIENCE, REPORTS, REPORTS_AND_ENDPOINTS};
use super::control_plane::{DENIED, hears, reported};
use super::gateway;

#[test]
fn reports_count_by_their_certificate_and_to_secure_them_drains_nothing() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let gateway = bed.gateway("gateway").await?;
        let mut clear_text = bed.control_plane(&[]).await?;
        bed.apply_policy(REPORTS_AND_ENDPOINTS).await?;
        gateway.stat_until("wasmcustom.evenkeel.reports_failed", |failed| failed > 0, PATIENCE).await?;
        let mut connection = gateway::connect().await?;
        ensure!(clear_text.metric(DENIED).await? > Some(0.0) && reported(&clear_text).await?.is_none());
        clear_text.terminate()?;

        let (control_plane, _certificates) = bed.control_plane_with_tls(CONTROL_PLANE_ACCOUNT).await?;
        hears(&control_plane, 1).await?;
        let _another = gateway::connect().await?;
        hears(&control_plane, 2).await?;
        gateway.stat_until("cluster.evenkeel-xds.ssl.handshake", |handshakes| handshakes > 0, PATIENCE).await?;
        gateway::stays(&mut connection).await?;
        ensure!(bed.istiod.refusals().is_empty(), "{:?}", bed.istiod.refusals());
        Ok(())
    })
}

#[test]
fn nobody_else_is_believed_to_be_the_control_plane() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let gateway = bed.gateway("gateway").await?;
        let (control_plane, _certificates) = bed.control_plane_with_tls(("shop", "stranger")).await?;
        bed.apply_policy(REPORTS).await?;
        let refused = "cluster.evenkeel-rebalance.ssl.fail_verify_san";
        gateway.stat_until(refused, |refused| refused > 2, PATIENCE).await?;
        let mut connection = gateway::connect().await?;
        sleep(Duration::from_secs(2)).await;
        gateway::stays(&mut connection).await?;
        ensure!(control_plane.metric(DENIED).await?.unwrap_or_default() == 0.0, "it has heard of the gateway");
        ensure!(reported(&control_plane).await?.is_none(), "it has heard of the gateway");
        Ok(())
    })
}

#[test]
fn a_proxy_of_another_account_is_not_believed_and_serves() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let gateway = bed.gateway("stranger").await?;
        let (control_plane, _certificates) = bed.control_plane_with_tls(CONTROL_PLANE_ACCOUNT).await?;
        bed.apply_policy(REPORTS).await?;
        gateway.stat_until("wasmcustom.evenkeel.reports_failed", |failed| failed > 2, PATIENCE).await?;
        let mut connection = gateway::connect().await?;
        sleep(Duration::from_secs(2)).await;
        gateway::stays(&mut connection).await?;
        ensure!(control_plane.metric(DENIED).await? > Some(2.0), "no report has come");
        ensure!(reported(&control_plane).await?.is_none(), "a report has counted");
        Ok(())
    })
}
