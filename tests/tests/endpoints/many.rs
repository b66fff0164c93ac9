//! Many Envoys, and an Envoy with many clusters.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::{EnvoyVersion, wait};
use tokio::try_join;

use super::cluster_file::{Endpoint, cluster_file};
use super::metric::responses;
use super::proxy::{GATEWAY, PATIENCE, Plan};
use super::transport::Transport;

on_each_transport! {
    every_envoy_follows_the_file,
    two_hundred_clusters_are_followed_and_only_what_changes_is_sent,
}

async fn every_envoy_follows_the_file(version: EnvoyVersion, transport: Transport) -> Result<()> {
    let endpoints = [Endpoint::unused(1), Endpoint::unused(2)];
    let control_plane = ControlPlane::start(&cluster_file(&[(GATEWAY, &endpoints)])).await?;
    let start = || Plan::new(version, transport).start(control_plane.xds());
    let (first, second) = try_join!(start(), start())?;
    assert_eq!(control_plane.metric(transport.streams_metric()).await?, Some(2.0));
    for endpoints in [&endpoints[..1], &endpoints[1..], &endpoints] {
        control_plane.edit(&cluster_file(&[(GATEWAY, endpoints)]))?;
        try_join!(first.hosts_become(GATEWAY, endpoints), second.hosts_become(GATEWAY, endpoints))?;
    }
    drop(first);
    control_plane.metric_becomes(transport.streams_metric(), 1.0, PATIENCE).await?;
    control_plane.edit(&cluster_file(&[]))?;
    second.hosts_become(GATEWAY, &[]).await
}

/// By streams of their own, each cluster's change is a response; the aggregated stream has one response for all.
async fn two_hundred_clusters_are_followed_and_only_what_changes_is_sent(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let streams = if transport.is_aggregated() { 1 } else { 200 };
    let mut services = Services::of(200);
    let control_plane = ControlPlane::start(&services.file()).await?;
    let plan = services.0.keys().fold(Plan::new(version, transport), |plan, name| plan.service(name));
    let proxy = plan.start(control_plane.xds()).await?;
    assert_eq!(proxy.all_hosts().await?, services.hosts());
    assert_eq!(control_plane.metric(transport.streams_metric()).await?, Some(streams as f64));
    let start = responses(&control_plane).await?;
    assert!(start >= streams);

    services.0.insert("service-7".to_owned(), Endpoint::unused(7));
    control_plane.edit(&services.file())?;
    proxy.hosts_become("service-7", &[Endpoint::unused(7)]).await?;
    assert_eq!(responses(&control_plane).await?, start + 1);

    services.0.values_mut().for_each(|endpoint| *endpoint = Endpoint::unused(8));
    control_plane.edit(&services.file())?;
    let all = services.hosts();
    wait::until("all clusters to follow", PATIENCE, async || proxy.all_hosts().await, |hosts| *hosts == all).await?;
    assert_eq!(responses(&control_plane).await?, start + 1 + streams);
    Ok(())
}

/// Services with one endpoint each.
struct Services(BTreeMap<String, Endpoint>);

impl Services {
    fn of(count: usize) -> Self {
        let numbered = (1..count).map(|number| format!("service-{number}"));
        Self(numbered.chain([GATEWAY.to_owned()]).map(|name| (name, Endpoint::unused(1))).collect())
    }

    fn file(&self) -> String {
        let services = self.0.iter().map(|(name, endpoint)| (name.as_str(), std::slice::from_ref(endpoint)));
        cluster_file(&services.collect::<Vec<_>>())
    }

    fn hosts(&self) -> BTreeMap<String, BTreeSet<Endpoint>> {
        self.0.iter().map(|(name, endpoint)| (name.clone(), [endpoint.clone()].into())).collect()
    }
}
