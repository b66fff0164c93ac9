//! What is in front of the gateways: an Envoy that forwards whole connections.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_bed::EnvoyVersion;

use super::plan::Balancer;
use super::service::resource;
use crate::bootstrap::{Bootstrap, Cluster, EndpointSource, LoadBalancing, TcpListener};
use crate::envoy::{Envoy, Start};

const LISTENER: &str = "node_port";
const GATEWAYS: &str = "gateways";
/// A kernel that forwards has no such limit; Envoy's default is 1024.
const MOST_CONNECTIONS: u32 = 100_000;
/// A changed object is an endpoint within well under a second; longer means that something is broken.
const PROPAGATION: Duration = Duration::from_secs(10);

/// It ends when dropped.
#[derive(Debug)]
pub(super) struct NodePort {
    envoy: Envoy,
}

impl NodePort {
    /// Starts one that takes its endpoints from any of these control planes.
    pub(super) async fn start(
        version: EnvoyVersion,
        control_planes: &[SocketAddr],
        balancer: Balancer,
    ) -> Result<Self> {
        let source = EndpointSource::Stream { api_type: "DELTA_GRPC", cluster: "control_plane".to_owned() };
        let (view, balancing) = match balancer {
            Balancer::Random => ("pods", LoadBalancing::Random),
            Balancer::Steer => ("steer", LoadBalancing::RoundRobin),
            Balancer::SourceHash => ("pods", LoadBalancing::RingHash),
        };
        let listener = TcpListener::new(LISTENER, GATEWAYS);
        let listener = if balancer == Balancer::SourceHash { listener.hash_source_ip() } else { listener };
        let gateways = Cluster::eds(GATEWAYS, &resource(view), &source).load_balancing(balancing);
        let bootstrap = Bootstrap::new(LISTENER)
            .listener(listener)
            .cluster(gateways.circuit_breakers(MOST_CONNECTIONS))
            .cluster(Cluster::control_plane("control_plane", control_planes));
        Ok(Self { envoy: Start::new(version).concurrency(1).run(bootstrap.into_json()).await? })
    }

    /// Where clients connect.
    pub(super) async fn address(&self) -> Result<SocketAddr> {
        self.envoy.listener(LISTENER).await
    }

    /// Fails when it has ended; the error shows how, and the end of its log.
    pub(super) fn check_running(&mut self) -> Result<()> {
        self.envoy.process().check_running().context("the NodePort")
    }

    /// Waits until it has so many endpoints.
    pub(super) async fn has(&self, endpoints: usize) -> Result<()> {
        let name = format!("cluster.{GATEWAYS}.membership_total");
        let members = self.envoy.stat_until(&name, |seen| seen == endpoints as u64, PROPAGATION);
        members.await.context("the NodePort does not learn the new endpoints").map(drop)
    }
}
