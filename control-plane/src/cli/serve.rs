//! `evenkeel serve`: a source, the xDS server and the admin port, wired together.

mod limits;
mod source;
mod tls;

use crate::admin::{self, Admin, Readiness};
use crate::publisher::Publisher;
use crate::source::metrics::SourceMetrics;
use crate::xds::metrics::XdsMetrics;
use crate::xds::server::{Clients, Server, Snapshots, bind};
use anyhow::Context;
use clap::Args;
use prometheus_client::registry::Registry;
use serde::Serialize;
use source::{SOURCE, SourceArguments};
use std::io::Write;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Clients that have not taken the end of their streams by then are cut off.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

/// Serve endpoints to proxies over xDS
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
    /// Address for /livez, /readyz, /metrics and /v1/clients; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:18001")]
    admin_address: SocketAddr,
    #[command(flatten)]
    tls: tls::TlsArguments,
    #[command(flatten)]
    limits: limits::LimitArguments,
}

/// Serves until a signal comes.
#[tokio::main]
pub async fn run(arguments: &ServeArguments) -> anyhow::Result<()> {
    // First of all, so that no signal is missed once the addresses are known.
    let stop = stop_signal().context("cannot wait for signals")?;
    let metrics = Metrics::new();
    let tls = arguments.tls.open(arguments.xds_address, metrics.xds.clone())?;
    let readiness = Readiness::default();
    readiness.block(SOURCE, "it has not been read completely yet");
    let newest = arguments.source.start(metrics.source, &readiness).await?;
    let (publisher, snapshots) = Publisher::new(newest, metrics.xds.clone());
    tokio::spawn(publisher.run());

    let xds = listen("--xds-address", arguments.xds_address)?;
    let admin = listen("--admin-address", arguments.admin_address)?;
    say_addresses(&xds, &admin)?;
    tokio::spawn(ready_when_read(readiness.clone(), snapshots.clone()));
    let clients = Clients::default();
    let registry = Arc::new(metrics.registry);
    tokio::spawn(Admin { readiness: readiness.clone(), registry, clients: clients.clone() }.serve(admin));

    let shutdown = CancellationToken::new();
    let server = Server {
        snapshots,
        metrics: metrics.xds,
        clients,
        shutdown: shutdown.clone(),
        ready: readiness.ready(),
        limits: arguments.limits.limits(),
        tls,
    };
    serve_until(stop, server.serve(xds), &readiness, &shutdown).await
}

struct Metrics {
    registry: Registry,
    xds: XdsMetrics,
    source: SourceMetrics,
}

impl Metrics {
    fn new() -> Self {
        let mut registry = admin::registry();
        let xds = XdsMetrics::register(&mut registry);
        let source = SourceMetrics::register(&mut registry);
        Self { registry, xds, source }
    }
}

fn listen(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    bind(address).with_context(|| format!("cannot listen on {flag} {address}; is another process using it?"))
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

async fn ready_when_read(readiness: Readiness, mut snapshots: Snapshots) {
    if snapshots.wait_for(Option::is_some).await.is_ok() {
        readiness.clear(SOURCE);
    }
}

/// Installs the handlers; the result completes at the first SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

/// Runs the server; after the signal it has a moment to end its streams.
async fn serve_until(
    stop: impl Future<Output = &'static str>,
    served: impl Future<Output = Result<(), tonic::transport::Error>>,
    readiness: &Readiness,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let mut served = pin!(served);
    tokio::select! {
        ended = &mut served => return ended.context("the xDS server has ended"),
        signal = stop => info!(signal, "stopping"),
    }
    readiness.block("shutdown", "the process is stopping");
    shutdown.cancel();
    if timeout(SHUTDOWN_GRACE, served).await.is_err() {
        warn!("clients that did not take the end of their streams are cut off");
    }
    Ok(())
}
