//! `evenkeel serve`: a source, the xDS server and the admin port, wired together.

mod filter;
mod leader;
mod lifetime;
mod limits;
mod listeners;
mod operator;
mod rebalance;
mod source;
mod tls;
mod trust;

use crate::admin::{self, Admin, Readiness};
use crate::filter_module::FilterModules;
use crate::policy::operator::{Leader, Operator, Settings};
use crate::publisher::{Publisher, Steering};
use crate::rebalance::clock::Clock;
use crate::rebalance::service::{RebalanceMetrics, Rebalancer, grpc_service};
use crate::source::Newest;
use crate::source::metrics::SourceMetrics;
use crate::xds::metrics::XdsMetrics;
use crate::xds::server::{Clients, Server, Snapshots};
use anyhow::Context;
use clap::Args;
use kube::Client;
use lifetime::{Lifetime, stop_signal};
use listeners::{Listeners, listen, serve_on_its_own_thread};
use prometheus_client::registry::Registry;
use source::{SOURCE, SourceArguments, Started};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Serve endpoints to proxies over xDS, and keep their connections even
///
/// The first line on standard output is a JSON object with the addresses that are listened on. SIGTERM and SIGINT end
/// all streams and then the program.
#[derive(Args, Debug)]
pub struct ServeArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Address for xDS over gRPC; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:18000")]
    xds_address: SocketAddr,
    /// Address for /livez, /readyz, /metrics, /v1/clients and /v1/groups; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:18001")]
    admin_address: SocketAddr,
    #[command(flatten)]
    filter: filter::FilterArguments,
    #[command(flatten)]
    tls: tls::TlsArguments,
    #[command(flatten)]
    trust: trust::TrustArguments,
    #[command(flatten)]
    limits: limits::LimitArguments,
    #[command(flatten)]
    rebalance: rebalance::RebalanceArguments,
    #[command(flatten)]
    operator: operator::OperatorArguments,
    #[command(flatten)]
    leader: leader::LeaderArguments,
}

/// Serves until a signal comes.
#[tokio::main]
pub async fn run(arguments: &ServeArguments) -> anyhow::Result<()> {
    // First of all, so that no signal is missed once the addresses are known.
    let stop = stop_signal().context("cannot wait for signals")?;
    let (lifetime, readiness, mut metrics) = (Lifetime::default(), Readiness::default(), Metrics::new());
    let tls = arguments.tls.open(arguments.xds_address, metrics.xds.clone())?;
    let readers = arguments.trust.readers(arguments.tls.verifies_clients())?;
    let modules = arguments.filter.modules()?;
    let policies = arguments.policies(modules.as_ref(), &mut metrics.registry)?;
    readiness.block(SOURCE, "it has not been read completely yet");
    let Started { newest, client, telling } = arguments.source.start(metrics.source.clone(), &readiness).await?;
    let (rebalancer, steering) = arguments.balance((&newest, client, policies), &mut metrics, &lifetime).await?;
    let (publisher, snapshots) = Publisher::new(newest, steering, metrics.xds.clone());
    tokio::spawn(publisher.run());

    let Listeners { xds, admin, filter } = arguments.listen(modules.as_ref())?;
    tokio::spawn(ready_when_read(telling, readiness.clone(), snapshots.clone()));
    let (clients, registry) = (Clients::default(), Arc::new(metrics.registry));
    let views =
        Admin { readiness: readiness.clone(), registry, clients: clients.clone(), rebalancer: rebalancer.clone() };
    serve_on_its_own_thread("admin", admin, |listener| views.serve(listener))?;
    if let (Some(listener), Some(modules)) = (filter, modules) {
        serve_on_its_own_thread("filter", listener, |listener| filter::serve(listener, modules))?;
    }

    let server = Server {
        snapshots,
        metrics: metrics.xds,
        clients,
        shutdown: lifetime.shutdown.clone(),
        ready: readiness.ready(),
        limits: arguments.limits.limits(),
        tls,
        readers,
        services: vec![grpc_service(rebalancer, arguments.trust.trust())],
    };
    lifetime.serve_until(stop, server.serve(xds), &readiness).await
}

impl ServeArguments {
    fn listen(&self, modules: Option<&FilterModules>) -> anyhow::Result<Listeners> {
        let listeners = Listeners {
            xds: listen("--xds-address", self.xds_address)?,
            admin: listen("--admin-address", self.admin_address)?,
            filter: self.filter.listen(modules)?,
        };
        listeners.say_addresses()?;
        Ok(listeners)
    }

    /// What the policies of the cluster become, if they are to be carried out.
    fn policies(&self, modules: Option<&FilterModules>, registry: &mut Registry) -> anyhow::Result<Option<Settings>> {
        let scope = (&*self.source.namespaces(), self.leader.pod_name());
        self.operator.settings(modules, scope, self.rebalance.paused(), registry)
    }

    /// Stands for election, and keeps the groups even while that is won.
    async fn balance(
        &self,
        (newest, cluster, settings): (&Newest, Option<Client>, Option<Settings>),
        metrics: &mut Metrics,
        lifetime: &Lifetime,
    ) -> anyhow::Result<(Rebalancer, Steering)> {
        let clock = Clock::start();
        let led = self.leader.stand(cluster.clone(), clock, lifetime)?;
        let (rebalancer, steering) = Rebalancer::new(clock, led.clone(), metrics.rebalance.clone());
        RebalanceMetrics::register_groups(&mut metrics.registry, rebalancer.clone());
        let policies = match cluster.zip(settings) {
            Some((client, settings)) => {
                Operator::start(client, settings, newest.clone(), Leader { rebalancer: rebalancer.clone(), led, clock })
            }
            None => self.rebalance.policies(metrics.rebalance.clone()).await?,
        };
        tokio::spawn(rebalancer.clone().run(newest.clone(), policies));
        Ok((rebalancer, steering))
    }
}

struct Metrics {
    registry: Registry,
    xds: XdsMetrics,
    source: SourceMetrics,
    rebalance: RebalanceMetrics,
}

impl Metrics {
    fn new() -> Self {
        let mut registry = admin::registry();
        let xds = XdsMetrics::register(&mut registry);
        let source = SourceMetrics::register(&mut registry);
        let rebalance = RebalanceMetrics::register(&mut registry);
        Self { registry, xds, source, rebalance }
    }
}

async fn ready_when_read(telling: JoinHandle<()>, readiness: Readiness, mut snapshots: Snapshots) {
    if telling.await.is_ok() && snapshots.wait_for(Option::is_some).await.is_ok() {
        readiness.clear(SOURCE);
    }
}
