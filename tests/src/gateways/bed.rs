//! The real programs of one run: a NodePort, gateways, backends, and the control plane that knows the gateways.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_bed::{EnvoyVersion, artifact};
use futures::future::try_join_all;
use serde_json::Value;
use tempfile::TempDir;

use super::gateway::{Gateway, GatewayStats, Recipe, pod};
use super::plan::{Balancer, Plan};
use super::service::{cluster_file, policies_file, resource};
use crate::backend::Backend;
use crate::bootstrap::{Bootstrap, Cluster, EndpointSource, Evenkeel, LoadBalancing, TcpListener};
use crate::control_plane::ControlPlane;
use crate::envoy::{Envoy, Start};
use crate::extension_config::ExtensionConfig;
use crate::http_get;

const BACKENDS: usize = 2;
const NODE_PORT: &str = "node_port";
/// A file edit is an endpoint within well under a second; longer means that something is broken.
const PROPAGATION: Duration = Duration::from_secs(10);

/// Everything that runs; it ends when dropped.
#[derive(Debug)]
pub struct Bed {
    version: EnvoyVersion,
    recipe: Recipe,
    node_port: Envoy,
    gateways: Vec<Gateway>,
    control_plane: ControlPlane,
    // Held for their lives only.
    _backends: Vec<Backend>,
    _filter: Option<ExtensionConfig>,
    _policies: TempDir,
}

impl Bed {
    /// Starts everything.
    ///
    /// # Errors
    /// When a program is missing (the text names the command that makes it) or refuses its configuration.
    pub async fn start(plan: &Plan) -> Result<Self> {
        let backends = (0..BACKENDS).map(|_| Backend::start()).collect::<Result<Vec<_>>>()?;
        let module = artifact::wasm()?;
        let filter = plan.filter.as_ref().map(|settings| ExtensionConfig::new(&module, settings)).transpose()?;
        let (control_plane, policies) = start_control_plane(&plan.policy).await?;
        let recipe = Recipe {
            backends: backends.iter().map(Backend::address).collect(),
            control_plane: control_plane.xds(),
            evenkeel: filter.as_ref().map(Evenkeel::discovered),
            limits: plan.limits,
            keepalive_requests: plan.keepalive_requests,
        };
        let node_port = start_balancer(plan.version, control_plane.xds(), plan.balancer).await?;
        let mut bed = Self {
            version: plan.version,
            recipe,
            node_port,
            gateways: Vec::new(),
            control_plane,
            _backends: backends,
            _filter: filter,
            _policies: policies,
        };
        let gateways = bed.more_gateways(plan.gateways).await?;
        bed.add(gateways).await?;
        Ok(bed)
    }

    /// Where clients connect.
    pub async fn address(&self) -> Result<SocketAddr> {
        self.node_port.listener(NODE_PORT).await
    }

    /// Fails when a program has ended; the error shows how, and the end of its log.
    pub fn check_running(&mut self) -> Result<()> {
        self.node_port.process().check_running().context("the NodePort")?;
        self.control_plane.process().check_running().context("the control plane")?;
        self.gateways.iter_mut().try_for_each(Gateway::check_running)
    }

    /// What every gateway says now, in the order of their start.
    pub async fn stats(&self) -> Result<Vec<GatewayStats>> {
        try_join_all(self.gateways.iter().map(Gateway::stats)).await
    }

    /// What the control plane says that the group of the gateways does.
    pub async fn group_state(&self) -> Result<String> {
        let (status, body) = http_get::get(self.control_plane.admin(), "/v1/groups").await?;
        ensure!(status.is_success(), "/v1/groups answers {status}: {body}");
        let groups: Value = serde_json::from_str(&body)?;
        let state = groups.pointer("/groups/0/state").and_then(Value::as_str);
        Ok(state.unwrap_or("not there yet").to_owned())
    }

    /// Starts more gateways, which nobody knows yet. Borrows nothing, so that the bed can be watched meanwhile.
    pub fn more_gateways(&self, count: usize) -> impl Future<Output = Result<Vec<Gateway>>> + use<> {
        let (recipe, version, first) = (self.recipe.clone(), self.version, self.gateways.len());
        async move { try_join_all((first..first + count).map(|number| Gateway::start(&recipe, version, pod(number)))).await }
    }

    /// Makes gateways endpoints by writing them into the control plane's file, and waits until the NodePort has them.
    pub async fn add(&mut self, gateways: Vec<Gateway>) -> Result<()> {
        self.gateways.extend(gateways);
        let addresses: Vec<_> = self.gateways.iter().map(Gateway::address).collect();
        self.control_plane.edit(&cluster_file(&addresses))?;
        let expected = self.gateways.len() as u64;
        let members = self.node_port.stat_until("cluster.gateways.membership_total", |n| n == expected, PROPAGATION);
        members.await.context("the NodePort does not learn the new endpoints").map(drop)
    }
}

/// It knows no gateway yet.
async fn start_control_plane(policy: &Value) -> Result<(ControlPlane, TempDir)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("policies.yaml");
    fs::write(&file, policies_file(policy))?;
    let flags = [OsString::from("--policies"), file.into()];
    Ok((ControlPlane::start_with(&cluster_file(&[]), &flags).await?, folder))
}

/// An Envoy that forwards whole connections.
async fn start_balancer(version: EnvoyVersion, control_plane: SocketAddr, balancer: Balancer) -> Result<Envoy> {
    let source = EndpointSource::Stream { api_type: "DELTA_GRPC", cluster: "control_plane".to_owned() };
    let (view, balancing) = match balancer {
        Balancer::Random => ("pods", LoadBalancing::Random),
        Balancer::Steer => ("steer", LoadBalancing::RoundRobin),
    };
    let bootstrap = Bootstrap::new(NODE_PORT)
        .listener(TcpListener::new(NODE_PORT, "gateways"))
        .cluster(Cluster::eds("gateways", &resource(view), &source).load_balancing(balancing))
        .cluster(Cluster::control_plane("control_plane", &[control_plane]));
    Start::new(version).concurrency(1).run(bootstrap.into_json()).await
}
