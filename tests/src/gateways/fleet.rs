//! Everything but the control plane: a NodePort, gateways, backends.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_bed::artifact;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};

use super::even::is_even;
use super::gateway::{Gateway, GatewayStats, Recipe};
use super::node_port::NodePort;
use super::plan::Plan;
use crate::backend::Backend;
use crate::bootstrap::Evenkeel;
use crate::extension_config::ExtensionConfig;
use crate::relay::Target;
use crate::wait;

const BACKENDS: usize = 2;
/// How often those who watch for something that must not happen look.
const LOOK: Duration = Duration::from_millis(250);
/// Much longer than any rebalance takes.
const PATIENCE: Duration = Duration::from_mins(2);
/// So many start at one time: each compiles the filter, and may take so long only.
const AT_ONCE: usize = 4;

/// Programs that take their endpoints from a control plane, and report to one. They end when dropped.
#[derive(Debug)]
pub struct Fleet {
    recipe: Recipe,
    node_port: NodePort,
    gateways: Vec<Gateway>,
    // Held for their lives only.
    _backends: Vec<Backend>,
    _filter: Option<ExtensionConfig>,
}

impl Fleet {
    /// Starts a NodePort that takes endpoints from any of these control planes, and no gateway yet. Gateways will report
    /// to `leader`.
    ///
    /// # Errors
    /// When a program is missing (the text names the command that makes it) or refuses its configuration.
    pub async fn start(plan: &Plan, control_planes: &[SocketAddr], leader: Target) -> Result<Self> {
        let backends = (0..BACKENDS).map(|_| Backend::start()).collect::<Result<Vec<_>>>()?;
        let module = artifact::wasm()?;
        let filter = plan.filter.as_ref().map(|settings| ExtensionConfig::new(&module, settings)).transpose()?;
        let recipe = Recipe {
            version: plan.version,
            first_pod: plan.first_pod,
            backends: backends.iter().map(Backend::address).collect(),
            leader,
            evenkeel: filter.as_ref().map(|filter| filters(plan, filter)),
            limits: plan.limits,
            keepalive_requests: plan.keepalive_requests,
        };
        let node_port = NodePort::start(plan.version, control_planes, plan.balancer).await?;
        Ok(Self { recipe, node_port, gateways: Vec::new(), _backends: backends, _filter: filter })
    }

    /// Where clients connect.
    pub async fn address(&self) -> Result<SocketAddr> {
        self.node_port.address().await
    }

    /// The gateways that are endpoints, in the order of their start.
    pub fn gateways(&self) -> &[Gateway] {
        &self.gateways
    }

    /// Fails when a program has ended; the error shows how, and the end of its log.
    pub fn check_running(&mut self) -> Result<()> {
        self.node_port.check_running()?;
        self.gateways.iter_mut().try_for_each(Gateway::check_running)
    }

    /// What every gateway says now, in the order of their start.
    pub async fn stats(&self) -> Result<Vec<GatewayStats>> {
        try_join_all(self.gateways.iter().map(Gateway::stats)).await
    }

    /// Connections that have ended so far, at any gateway that is an endpoint.
    pub async fn closes(&self) -> Result<u64> {
        Ok(self.stats().await?.iter().map(|gateway| gateway.closes).sum())
    }

    /// Connections that these gateways have told to go so far.
    pub async fn drains(&self) -> Result<u64> {
        Ok(self.stats().await?.iter().map(|gateway| gateway.drains).sum())
    }

    /// Waits until those that were told to go have gone, and watches then for this long: no connection ends, and none is
    /// told to go.
    ///
    /// # Errors
    /// At the first one.
    pub async fn nothing_is_closed_for(&self, time: Duration) -> Result<()> {
        let closes_and_drains = async || Ok((self.closes().await?, self.drains().await?));
        let gone = |(closes, drains): &(u64, u64)| closes >= drains;
        let before = wait::until("those that were told to go to be gone", PATIENCE, closes_and_drains, gone).await?;
        let start = Instant::now();
        while start.elapsed() < time {
            let now = (self.closes().await?, self.drains().await?);
            ensure!(now == before, "closed and told to go: {before:?}, then {now:?}");
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until the gateways have so many connections in all, by Envoy's own count.
    ///
    /// # Errors
    /// After two minutes; the text has the last figures.
    pub async fn holds(&self, connections: usize) -> Result<()> {
        self.holds_so("all clients to be connected", connections, |_| true).await
    }

    /// As [`Self::holds`], and evenly so: a client whose connection has been closed comes back with its next request.
    pub async fn holds_evenly(&self, connections: usize) -> Result<()> {
        self.holds_so("the gateways to be even", connections, is_even).await
    }

    async fn holds_so(&self, what: &str, connections: usize, accepts: impl Fn(&[u64]) -> bool) -> Result<()> {
        let open = async || Ok(self.stats().await?.iter().map(|gateway| gateway.connections).collect());
        let so = |open: &Vec<u64>| open.iter().sum::<u64>() == connections as u64 && accepts(open);
        wait::until(what, PATIENCE, open, so).await.map(drop)
    }

    /// Starts more gateways, which nobody knows yet. Borrows nothing, so that the fleet can be watched meanwhile.
    pub fn more_gateways(&self, count: usize) -> impl Future<Output = Result<Vec<Gateway>>> + use<> {
        let (recipe, pods) = (self.recipe.clone(), self.gateways.len()..self.gateways.len() + count);
        async move {
            let starts = stream::iter(pods).map(|number| Gateway::start(&recipe, recipe.pod(number)));
            starts.buffered(AT_ONCE).try_collect().await
        }
    }

    /// From now on these are endpoints as well, as somebody has told the control plane.
    pub fn add(&mut self, gateways: Vec<Gateway>) {
        self.gateways.extend(gateways);
    }

    /// The newest ones are endpoints no more. They serve as long as they are kept.
    pub fn remove(&mut self, count: usize) -> Vec<Gateway> {
        self.gateways.split_off(self.gateways.len().saturating_sub(count))
    }

    /// Waits until the NodePort has the endpoints that there are.
    ///
    /// # Errors
    /// When that does not happen soon.
    pub async fn is_known(&self) -> Result<()> {
        self.node_port.has(self.gateways.len()).await
    }
}

fn filters(plan: &Plan, files: &ExtensionConfig) -> Evenkeel {
    let filters = Evenkeel::discovered(files);
    if plan.sees_requests() { filters.with_request() } else { filters }
}
