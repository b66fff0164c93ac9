//! Serves one service over EDS with Evenkeel, for `cargo xtask bench endpoints`.
//!
//! Once it listens it creates the Unix socket of `--control`, writes the address that it serves on as one line, and then
//! changes one endpoint for every line that it reads. Each is answered with the time at which the change was begun, in
//! nanoseconds of `CLOCK_MONOTONIC`, which all processes of a machine share.
#![forbid(unsafe_code)]

mod service;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use clap::Parser;
use evenkeel::admin::{self, Readiness};
use evenkeel::cli::LogArguments;
use evenkeel::publisher::Publisher;
use evenkeel::source::Updates;
use evenkeel::xds::metrics::XdsMetrics;
use evenkeel::xds::server::{Clients, Limits, Server, bind};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::service::ChangingService;

/// The allocator of the real program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Arguments {
    // Where none is started, libraries look for another one at each of their spans.
    #[command(flatten)]
    log: LogArguments,
    /// Name of the resource, `pods/NAMESPACE/SERVICE:PORT`
    #[arg(long)]
    name: String,
    /// Number of endpoints, at most 2^24
    #[arg(long)]
    endpoints: u32,
    /// Path of the control socket
    #[arg(long)]
    control: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    arguments.log.start()?;
    let mut service = ChangingService::new(&arguments.name, arguments.endpoints)?;
    let (updates, newest) = Updates::new();
    updates.publish(service.cluster());
    let address = serve(newest)?;
    follow(&arguments.control, address, || {
        service.change()?;
        updates.publish(service.cluster());
        Ok(())
    })
    .await
}

/// As the real program does it.
fn serve(newest: evenkeel::source::Newest) -> Result<SocketAddr> {
    let metrics = XdsMetrics::register(&mut admin::registry());
    let (publisher, snapshots) = Publisher::new(newest, watch::channel(Arc::default()).1, metrics.clone());
    tokio::spawn(publisher.run());
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    let server = Server {
        snapshots,
        metrics,
        clients: Clients::default(),
        shutdown: CancellationToken::new(),
        ready: Readiness::default().ready(),
        limits: Limits::default(),
        tls: None,
        readers: None,
        services: Vec::new(),
    };
    tokio::spawn(server.serve(listener));
    Ok(address)
}

/// Obeys the control socket until its one client goes away.
async fn follow(path: &Path, address: SocketAddr, mut change: impl FnMut() -> Result<()>) -> Result<()> {
    let (client, _) = UnixListener::bind(path)?.accept().await?;
    let (lines, mut answers) = client.into_split();
    let mut lines = BufReader::new(lines).lines();
    answers.write_all(format!("{address}\n").as_bytes()).await?;
    while lines.next_line().await?.is_some() {
        let begun = clock_gettime(ClockId::Monotonic);
        change()?;
        let nanoseconds = begun.tv_sec * 1_000_000_000 + begun.tv_nsec;
        answers.write_all(format!("{nanoseconds}\n").as_bytes()).await?;
    }
    Ok(())
}
