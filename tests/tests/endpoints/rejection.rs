//! What Envoy rejects is sent once, and all else goes on.
//!
//! An Envoy on a machine without IPv6 rejects the whole assignment when one of its addresses is IPv6.

use std::net::SocketAddr;

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::control_plane::ControlPlane;
use http::StatusCode;

use super::cluster_file::{Endpoint, cluster_file};
use super::metric::{REJECTS, responses};
use super::proxy::{GATEWAY, PATIENCE, Plan, Proxy};
use super::transport::Transport;

on_each_transport! {
    a_rejected_change_is_sent_once_and_the_last_good_hosts_stay,
}

const OTHER: &str = "other";

async fn a_rejected_change_is_sent_once_and_the_last_good_hosts_stay(
    version: EnvoyVersion,
    transport: Transport,
) -> Result<()> {
    let backend = Backend::start()?;
    let good = Endpoint::at(backend.address());
    let mut bed = Bed::start(version, transport, &good).await?;
    let before = responses(&bed.control_plane).await?;
    for (times, address) in [(1, "fd00::1"), (2, "fd00::2")] {
        bed.set(GATEWAY, &[good.clone(), Endpoint::at(SocketAddr::new(address.parse()?, 80))])?;
        bed.is_rejected(times, address).await?;
        // Whoever sends again what was rejected does so now.
        for port in 1..=5 {
            bed.follows(OTHER, &[Endpoint::unused(port)]).await?;
        }
        assert_eq!(bed.proxy.hosts(GATEWAY).await?, [good.clone()].into());
        assert_eq!(bed.proxy.status().await?, StatusCode::OK);
    }
    bed.follows(GATEWAY, &[good, Endpoint::unused(1)]).await?;
    // Two that were rejected, twice five of the other service, and the right one.
    assert_eq!(responses(&bed.control_plane).await? - before, 2 + 2 * 5 + 1);
    assert_eq!(bed.control_plane.metric(REJECTS).await?, Some(2.0));
    Ok(())
}

/// Two services, and an Envoy that has both.
struct Bed {
    control_plane: ControlPlane,
    proxy: Proxy,
    gateway: Vec<Endpoint>,
    other: Vec<Endpoint>,
}

impl Bed {
    async fn start(version: EnvoyVersion, transport: Transport, good: &Endpoint) -> Result<Self> {
        let (gateway, other) = (vec![good.clone()], Vec::new());
        let control_plane = ControlPlane::start(&cluster_file(&[(GATEWAY, &gateway), (OTHER, &other)])).await?;
        let plan = Plan::new(version, transport).service(OTHER).without_ipv6();
        let proxy = plan.start(control_plane.xds()).await?;
        Ok(Self { control_plane, proxy, gateway, other })
    }

    /// Gives one of the services these endpoints.
    fn set(&mut self, service: &str, endpoints: &[Endpoint]) -> Result<()> {
        let of_service = if service == GATEWAY { &mut self.gateway } else { &mut self.other };
        *of_service = endpoints.to_vec();
        self.control_plane.edit(&cluster_file(&[(GATEWAY, &self.gateway), (OTHER, &self.other)]))
    }

    async fn follows(&mut self, service: &str, endpoints: &[Endpoint]) -> Result<()> {
        self.set(service, endpoints)?;
        self.proxy.hosts_become(service, endpoints).await
    }

    /// Both sides have counted this many rejections, and the control plane's log names what Envoy does not like.
    async fn is_rejected(&self, times: u32, address: &str) -> Result<()> {
        self.control_plane.metric_becomes(REJECTS, f64::from(times), PATIENCE).await?;
        self.proxy.stat_becomes(GATEWAY, "update_rejected", u64::from(times)).await?;
        self.control_plane.log_until(address, PATIENCE).await
    }
}
