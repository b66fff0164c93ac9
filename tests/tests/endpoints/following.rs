//! What the file says is what Envoy has.

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::control_plane::ControlPlane;
use http::StatusCode;

use super::cluster_file::{Endpoint, cluster_file};
use super::metric::{FAILED_RELOADS, LAST_RELOAD_FAILED};
use super::proxy::{GATEWAY, PATIENCE, Plan};
use super::transport::Transport;

on_each_transport! {
    envoy_starts_with_the_hosts_of_the_file,
    hosts_follow_the_file,
    weights_and_localities_follow_the_file,
    no_endpoints_are_no_hosts_and_503_until_there_are_some,
    a_deleted_service_is_no_hosts_and_503_until_it_is_back,
    a_name_that_does_not_exist_does_not_hold_up_the_start,
    a_file_that_goes_wrong_changes_nothing_until_it_is_right,
}

async fn envoy_starts_with_the_hosts_of_the_file(version: EnvoyVersion, transport: Transport) -> Result<()> {
    let backend = Backend::start()?;
    let endpoints = [Endpoint::at(backend.address())];
    let control_plane = ControlPlane::start(&cluster_file(&[(GATEWAY, &endpoints)])).await?;
    let proxy = Plan::new(version, transport).start(control_plane.xds()).await?;
    // Without waiting: they are there when Envoy is LIVE.
    assert_eq!(proxy.hosts(GATEWAY).await?, endpoints.into());
    assert_eq!(proxy.status().await?, StatusCode::OK);
    assert_eq!(backend.record().total(), 1);
    assert_eq!(control_plane.metric(transport.streams_metric()).await?, Some(1.0));
    Ok(())
}

async fn hosts_follow_the_file(version: EnvoyVersion, transport: Transport) -> Result<()> {
    let [first, second] = [Backend::start()?, Backend::start()?];
    let [one, two] = [&first, &second].map(|backend| Endpoint::at(backend.address()));
    let control_plane = ControlPlane::start(&cluster_file(&[(GATEWAY, std::slice::from_ref(&one))])).await?;
    let proxy = Plan::new(version, transport).start(control_plane.xds()).await?;
    let more = [one.clone(), two.clone(), Endpoint::unused(1)];
    for endpoints in [&more[..], &more[..2], &more[1..2], &more[..1], &more[1..2]] {
        control_plane.edit(&cluster_file(&[(GATEWAY, endpoints)]))?;
        proxy.hosts_become(GATEWAY, endpoints).await?;
    }
    let before = first.record().total();
    proxy.status_becomes(StatusCode::OK).await?;
    assert!(second.record().total() > 0);
    assert_eq!(first.record().total(), before);
    Ok(())
}

async fn weights_and_localities_follow_the_file(version: EnvoyVersion, transport: Transport) -> Result<()> {
    let (one, two) = (Endpoint::unused(1), Endpoint::unused(2));
    let control_plane = ControlPlane::start(&cluster_file(&[(GATEWAY, &[one.clone(), two.clone()])])).await?;
    let proxy = Plan::new(version, transport).start(control_plane.xds()).await?;
    let changes = [
        [one.clone().weight(3), two.clone().weight(128)],
        [one.clone().locality("europe", "a", "rack 1"), two.clone().locality("europe", "b", "")],
        [one.clone().locality("europe", "b", "").weight(7), two.clone().locality("europe", "a", "rack 2")],
        [one, two],
    ];
    for endpoints in changes {
        control_plane.edit(&cluster_file(&[(GATEWAY, &endpoints)]))?;
        proxy.hosts_become(GATEWAY, &endpoints).await?;
    }
    Ok(())
}

/// An update without the resource would leave the hosts as they are, and Envoy would count it as empty.
async fn no_endpoints_are_no_hosts_and_503_until_there_are_some(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    without_hosts(version, transport, &cluster_file(&[(GATEWAY, &[])])).await
}

async fn a_deleted_service_is_no_hosts_and_503_until_it_is_back(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    without_hosts(version, transport, &cluster_file(&[])).await
}

async fn without_hosts(version: EnvoyVersion, transport: Transport, empty: &str) -> Result<()> {
    let backend = Backend::start()?;
    let endpoints = [Endpoint::at(backend.address())];
    let file = cluster_file(&[(GATEWAY, &endpoints)]);
    let control_plane = ControlPlane::start(&file).await?;
    let proxy = Plan::new(version, transport).start(control_plane.xds()).await?;
    for _ in 0..2 {
        proxy.status_becomes(StatusCode::OK).await?;
        control_plane.edit(empty)?;
        proxy.hosts_become(GATEWAY, &[]).await?;
        proxy.status_becomes(StatusCode::SERVICE_UNAVAILABLE).await?;
        control_plane.edit(&file)?;
        proxy.hosts_become(GATEWAY, &endpoints).await?;
    }
    proxy.status_becomes(StatusCode::OK).await?;
    assert_eq!(proxy.stat(GATEWAY, "update_empty").await?, 0);
    Ok(())
}

async fn a_name_that_does_not_exist_does_not_hold_up_the_start(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let endpoints = [Endpoint::unused(1)];
    let control_plane = ControlPlane::start(&cluster_file(&[(GATEWAY, &endpoints)])).await?;
    let plan = Plan::new(version, transport).service("missing").cluster("foreign", "nothing/of/ours");
    let proxy = plan.start(control_plane.xds()).await?;
    assert_eq!(proxy.hosts(GATEWAY).await?, endpoints.clone().into());
    for cluster in ["missing", "foreign"] {
        assert!(proxy.hosts(cluster).await?.is_empty());
        assert_eq!(proxy.stat(cluster, "init_fetch_timeout").await?, 0);
    }
    control_plane.edit(&cluster_file(&[(GATEWAY, &endpoints), ("missing", &endpoints)]))?;
    proxy.hosts_become("missing", &endpoints).await
}

async fn a_file_that_goes_wrong_changes_nothing_until_it_is_right(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let endpoints = [Endpoint::unused(1), Endpoint::unused(2).weight(2)];
    let control_plane = ControlPlane::start(&cluster_file(&[(GATEWAY, &endpoints[..1])])).await?;
    let proxy = Plan::new(version, transport).start(control_plane.xds()).await?;
    let right = cluster_file(&[(GATEWAY, &endpoints)]);
    control_plane.edit(&right.replace("weight: 2", "weight: 200"))?;
    let line = 1 + right.lines().position(|line| line.contains("weight: 2")).unwrap_or_default();
    let problem = format!("line {line}, column 13: services[0].endpoints[1].weight: service default/gateway: 200 is");
    control_plane.log_until(&problem, PATIENCE).await?;
    assert_eq!(control_plane.metric(LAST_RELOAD_FAILED).await?, Some(1.0));
    assert_eq!(control_plane.metric(FAILED_RELOADS).await?, Some(1.0));
    assert_eq!(proxy.hosts(GATEWAY).await?, endpoints[..1].iter().cloned().collect());
    control_plane.edit(&right)?;
    proxy.hosts_become(GATEWAY, &endpoints).await?;
    assert_eq!(control_plane.metric(LAST_RELOAD_FAILED).await?, Some(0.0));
    Ok(())
}
