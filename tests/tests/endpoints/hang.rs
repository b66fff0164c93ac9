//! A control plane that hangs: its connections stand and nothing comes.

use anyhow::Result;
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use futures::future::try_join_all;

use super::traffic::Bed;
use super::transport::{CONTROL_PLANE, Transport};

on_each_envoy! {
    envoy_leaves_a_control_plane_that_hangs_and_finds_it_again,
}

/// For all transports at once: almost all of the time goes into Envoy's keepalive.
async fn envoy_leaves_a_control_plane_that_hangs_and_finds_it_again(version: EnvoyVersion) -> Result<()> {
    try_join_all(Transport::ALL.map(|transport| hangs(version, transport))).await.map(drop)
}

async fn hangs(version: EnvoyVersion, transport: Transport) -> Result<()> {
    let mut bed = Bed::start(version, transport).await?;
    bed.control_plane.process().pause()?;
    bed.proxy.stat_becomes(CONTROL_PLANE, "http2.keepalive_timeout", 1).await?;
    bed.requests_pass().await?;
    bed.keeps_its_hosts().await?;
    bed.control_plane.process().resume()?;
    bed.follows_the_file().await?;
    bed.no_request_failed().await
}
