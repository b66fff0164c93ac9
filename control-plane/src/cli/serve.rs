//! `evenkeel serve`: a source, the xDS server and the admin port, wired together.

mod leader;
mod lifetime;
mod limits;
mod rebalance;
mod source;
mod tls;

use crate::admin::{self, Admin, Readiness};
use crate::publisher::{Publisher, Steering};
use crate::rebalance::clock::Clock;
use crate::rebalance::service::{RebalanceMetrics, Rebalancer, grpc_service};
use crate::source::Newest;
use crate::source::metrics::SourceMetrics;
use crate::xds::metrics::XdsMetrics;
use crate::xds::server::{Clients, Server, Snapshots, bind};
use anyhow::Context;
use clap::Args;
use kube::Client;
use lifetime::{Lifetime, stop_signal};
use prometheus_client::registry::Registry;
use serde::Serialize;
use source::{SOURCE, SourceArguments, Started};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tracing::info;

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
    tls: tls::TlsArguments,
    #[command(flatten)]
    limits: limits::LimitArguments,
    #[command(flatten)]
    rebalance: rebalance::RebalanceArguments,
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
    readiness.block(SOURCE, "it has not been read completely yet");
    let Started { newest, client, telling } = arguments.source.start(metrics.source.clone(), &readiness).await?;
    let (rebalancer, steering) = arguments.balance(&newest, client, &mut metrics, &lifetime).await?;
    let (publisher, snapshots) = Publisher::new(newest, steering, metrics.xds.clone());
    tokio::spawn(publisher.run());

    let xds = listen("--xds-address", arguments.xds_address)?;
    let admin = listen("--admin-address", arguments.admin_address)?;
    say_addresses(&xds, &admin)?;
    tokio::spawn(ready_when_read(telling, readiness.clone(), snapshots.clone()));
    let (clients, registry) = (Clients::default(), Arc::new(metrics.registry));
    let views =
        Admin { readiness: readiness.clone(), registry, clients: clients.clone(), rebalancer: rebalancer.clone() };
    serve_on_its_own_thread(views, admin)?;

    let server = Server {
        snapshots,
        metrics: metrics.xds,
        clients,
        shutdown: lifetime.shutdown.clone(),
        ready: readiness.ready(),
        limits: arguments.limits.limits(),
        tls,
        services: vec![grpc_service(rebalancer, arguments.rebalance.trust())],
    };
    lifetime.serve_until(stop, server.serve(xds), &readiness).await
}

impl ServeArguments {
    /// Stands for election, and keeps the groups even while that is won.
    async fn balance(
        &self,
        newest: &Newest,
        cluster: Option<Client>,
        metrics: &mut Metrics,
        lifetime: &Lifetime,
    ) -> anyhow::Result<(Rebalancer, Steering)> {
        let policies = self.rebalance.policies(metrics.rebalance.clone()).await?;
        let clock = Clock::start();
        let led = self.leader.stand(cluster, clock, lifetime)?;
        let (rebalancer, steering) = Rebalancer::new(clock, led, metrics.rebalance.clone());
        RebalanceMetrics::register_groups(&mut metrics.registry, rebalancer.clone());
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

fn listen(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    bind(address).with_context(|| format!("cannot listen on {flag} {address}; is another process using it?"))
}

/// So that probes are answered while thousands of proxies connect at one time.
fn serve_on_its_own_thread(views: Admin, listener: TcpListener) -> anyhow::Result<()> {
    let listener = listener.into_std()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let serve = async move || views.serve(TcpListener::from_std(listener)?).await;
    thread::Builder::new().name("admin".to_owned()).spawn(move || runtime.block_on(serve()))?;
    Ok(())
}

/// What is listened on, for whoever started the process.
#[derive(Serialize)]
struct Addresses {
    xds: SocketAddr,
    admin: SocketAddr,
}

fn say_addresses(xds: &TcpListener, admin: &TcpListener) -> anyhow::Result<()> {
    let addresses = Addresses { xds: xds.local_addr()?, admin: admin.local_addr()? };
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", serde_json::to_string(&addresses)?)?;
    stdout.flush()?;
    info!(xds = %addresses.xds, admin = %addresses.admin, "serving");
    Ok(())
}

/// Whoever tells what is missing must have ended: it could say so once more when nothing is.
async fn ready_when_read(telling: JoinHandle<()>, readiness: Readiness, mut snapshots: Snapshots) {
    if telling.await.is_ok() && snapshots.wait_for(Option::is_some).await.is_ok() {
        readiness.clear(SOURCE);
    }
}
