//! One gateway: an Envoy, or an nginx, in front of the backends, on an address of its own as a pod is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use evenkeel_bed::EnvoyVersion;

use super::nginx::Nginx;
use crate::bootstrap::{Bootstrap, Cluster, ConnectionLimits, Evenkeel, HttpListener};
use crate::envoy::{Envoy, Start};
use crate::relay::{Relay, Target};

const LISTENER: &str = "gateway";
/// The cluster that gateways report to.
pub(super) const REBALANCE: &str = "evenkeel-rebalance";

/// What one gateway says at one moment; the counters have run since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayStats {
    /// Connections that are open now.
    pub connections: u64,
    /// Requests that it has received.
    pub requests: u64,
    /// Connections that Evenkeel told to go; 0 without the filter.
    pub drains: u64,
    /// Connections that have ended.
    pub closes: u64,
}

/// What all gateways have in common.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    /// Which Envoy.
    pub version: EnvoyVersion,
    /// The address of the first one. It is on the loopback network: a report counts by the address that it comes from.
    pub first_pod: Ipv4Addr,
    /// Where they send requests.
    pub backends: Vec<SocketAddr>,
    /// Where they report.
    pub leader: Target,
    /// The filter, or none.
    pub evenkeel: Option<Evenkeel>,
    /// Envoy's own limits of connections.
    pub limits: ConnectionLimits,
    /// nginx's own limit of a connection, when they are nginx.
    pub keepalive_requests: Option<u32>,
}

impl Recipe {
    /// The address of the pod with this number, from 0.
    pub(super) fn pod(&self, number: usize) -> IpAddr {
        Ipv4Addr::from_bits(self.first_pod.to_bits() + number as u32).into()
    }

    fn bootstrap(&self, pod: IpAddr, reports: SocketAddr) -> Bootstrap {
        let listener = HttpListener::new(LISTENER).address(SocketAddr::new(pod, 0));
        let listener = listener.route("/", "backends").limits(self.limits);
        let listener = match &self.evenkeel {
            Some(evenkeel) => listener.evenkeel(evenkeel),
            None => listener,
        };
        Bootstrap::new(LISTENER)
            .listener(listener)
            .cluster(Cluster::new("backends", &self.backends).http2())
            .cluster(Cluster::control_plane(REBALANCE, &[reports]))
    }
}

/// A running gateway; it ends when dropped.
#[derive(Debug)]
pub struct Gateway {
    program: Program,
    address: SocketAddr,
    /// The way of its reports.
    reports: Relay,
}

#[derive(Debug)]
enum Program {
    Envoy(Envoy),
    Nginx(Nginx),
}

impl Gateway {
    /// Starts one and waits until it serves. One worker: all gateways have to fit on two cores.
    pub(super) async fn start(recipe: &Recipe, pod: IpAddr) -> Result<Self> {
        let reports = Relay::start(pod, recipe.leader.clone()).await?;
        if let Some(keepalive_requests) = recipe.keepalive_requests {
            let (nginx, address) = Nginx::start(pod, keepalive_requests, &recipe.backends).await?;
            return Ok(Self { program: Program::Nginx(nginx), address, reports });
        }
        let start = Start::new(recipe.version).concurrency(1);
        let envoy = start.run(recipe.bootstrap(pod, reports.address()).into_json()).await?;
        let address = envoy.listener(LISTENER).await?;
        Ok(Self { program: Program::Envoy(envoy), address, reports })
    }

    /// Where it accepts connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The way of its reports to the control plane.
    pub fn reports(&self) -> &Relay {
        &self.reports
    }

    /// Fails when it has ended; the error shows how, and the end of its log.
    pub(super) fn check_running(&mut self) -> Result<()> {
        let running = match &mut self.program {
            Program::Envoy(envoy) => envoy.process().check_running(),
            Program::Nginx(nginx) => nginx.check_running(),
        };
        running.with_context(|| format!("the gateway at {}", self.address))
    }

    /// What it says now. Connections and closes are the program's own figures, so that all runs are measured alike.
    pub async fn stats(&self) -> Result<GatewayStats> {
        let stats = match &self.program {
            Program::Envoy(envoy) => stats(envoy).await,
            Program::Nginx(nginx) => nginx.stats().await,
        };
        stats.with_context(|| format!("the gateway at {} does not answer", self.address))
    }
}

async fn stats(envoy: &Envoy) -> Result<GatewayStats> {
    let stats = envoy.stats(&format!("http.{LISTENER}.downstream_")).await?;
    let value = |name: &str| {
        let name = format!("http.{LISTENER}.downstream_{name}");
        stats.iter().find(|(found, _)| *found == name).map_or(0, |(_, value)| *value)
    };
    Ok(GatewayStats {
        connections: value("cx_active"),
        requests: value("rq_total"),
        drains: envoy.stat_sum(&["wasmcustom.evenkeel.drains_"]).await?,
        closes: value("cx_destroy"),
    })
}
