//! Reports that are not true, from a pod that may report.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel::rebalance::{GroupStatus, State};
use evenkeel_proto::rebalance::rebalance_client::RebalanceClient;
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use evenkeel_tests::{EnvoyVersion, wait};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tower::service_fn;

use super::run::{MAX_RATE, PATIENCE, Run, clients, plan};

const GROUP: &str = "istio-system/gateway";
/// The pod of the first gateway, which is the one that lies.
const LIAR: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// In no group.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1));
/// The only pod of another group.
const OTHER: &str = "127.0.2.1";
/// The most that is taken from one Envoy.
const MOST_CONNECTIONS: u64 = 1 << 24;

#[tokio::test]
async fn reports_that_cannot_be_true_or_come_from_elsewhere_are_refused() -> Result<()> {
    let run = Run::start(&plan(EnvoyVersion::NEWEST, 3), clients(60)).await?;
    let other = format!(
        "- name: other\n  namespace: istio-system\n  ports:\n  - {{name: http, port: 80}}\n  endpoints:\n  - {{address: \
         \"{OTHER}\", ports: {{http: 80}}}}\n"
    );
    let file = run.bed.control_plane.cluster_file();
    run.bed.control_plane.edit(&(fs::read_to_string(file)? + &other))?;
    let mut liar = Caller::new(&run, LIAR).await?;
    let other_group = ReportRequest { group: "istio-system/other".to_owned(), ..report(5) };
    // Until the other group is known.
    let refused = async || Ok(liar.refusal(other_group.clone()).await?.message().to_owned());
    wait::until("the other group", PATIENCE, refused, |text| text.contains("not the address of a ready")).await?;

    let refusals = [
        (report(1_000_000_000), Code::InvalidArgument, "live: 1000000000"),
        (other_group.clone(), Code::PermissionDenied, "127.0.0.2: not the address of a ready endpoint"),
        (named(OTHER, other_group), Code::PermissionDenied, "127.0.0.2 has not proven to have the service account"),
        (named("127.0.0.3", report(5)), Code::PermissionDenied, "127.0.0.2 has not proven to have the service account"),
    ];
    for (report, code, text) in refusals {
        let refusal = liar.refusal(report).await?;
        ensure!(refusal.code() == code && refusal.message().contains(text), "{refusal:?} instead of {text}");
    }
    let refusal = Caller::new(&run, STRANGER).await?.refusal(report(5)).await?;
    ensure!(refusal.code() == Code::PermissionDenied, "{refusal:?}");
    let live = async || Ok(run.group().await?.live);
    wait::until("nobody but the clients to count", PATIENCE, live, |live| *live == 60).await?;
    run.nothing_is_closed_for(Duration::from_secs(3)).await?;
    run.end().await
}

/// The others seem to have next to nothing then, and only the liar's own gateway could give. What it gives comes to the
/// others, and may come back once the lie is forgotten.
#[tokio::test]
async fn the_largest_lie_that_is_taken_makes_nobody_drain_faster_than_it_may() -> Result<()> {
    let run = Run::start(&plan(EnvoyVersion::NEWEST, 3), clients(90)).await?;
    let before = run.bed.stats().await?;
    let (mut liar, start) = (Caller::new(&run, LIAR).await?, Instant::now());
    let group = liar.lies_until(&run, |group| group.state == State::Stuck).await?;
    ensure!(group.reason.contains("the members have drained"), "{group:?}");
    let after = run.bed.stats().await?;
    let seconds = start.elapsed().as_secs_f64() + 1.0;
    for (before, after) in before.iter().zip(&after) {
        let most = MAX_RATE * before.connections.max(after.connections) as f64 * seconds;
        ensure!((after.drains - before.drains) as f64 <= most, "before {before:?}, now {after:?}, {most} are allowed");
    }
    // It falls silent, and all is well again.
    run.becomes_even().await?;
    run.nothing_is_closed_for(Duration::from_secs(3)).await?;
    run.end().await
}

/// Somebody who reports from an address.
struct Caller {
    client: RebalanceClient<Channel>,
    sequence: u64,
}

impl Caller {
    async fn new(run: &Run, source: IpAddr) -> Result<Self> {
        let control_plane = run.bed.control_plane.xds();
        let connector = service_fn(move |_: Uri| connect(source, control_plane));
        let endpoint = Endpoint::from_shared(format!("http://{control_plane}"))?;
        let channel = endpoint.connect_with_connector(connector).await?;
        Ok(Self { client: RebalanceClient::new(channel), sequence: 0 })
    }

    async fn report(&mut self, report: ReportRequest) -> Result<Directive, Status> {
        self.sequence += 1;
        let report = ReportRequest { sequence: self.sequence, ..report };
        Ok(self.client.report(report).await?.into_inner())
    }

    async fn refusal(&mut self, report: ReportRequest) -> Result<Status> {
        self.report(report).await.err().context("the report was taken")
    }

    /// Says every now and then that it has more connections than all others.
    async fn lies_until(&mut self, run: &Run, accepts: impl Fn(&GroupStatus) -> bool) -> Result<GroupStatus> {
        let lie = async || {
            self.report(report(MOST_CONNECTIONS)).await?;
            sleep(Duration::from_millis(500)).await;
            run.group().await
        };
        wait::until("the control plane to see through it", PATIENCE, lie, accepts).await
    }
}

async fn connect(source: IpAddr, address: SocketAddr) -> io::Result<TokioIo<tokio::net::TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    Ok(TokioIo::new(socket.connect(address).await?))
}

/// Of an Envoy that nobody knows yet.
fn report(live: u64) -> ReportRequest {
    ReportRequest { group: GROUP.to_owned(), instance: 4711, live, ..ReportRequest::default() }
}

/// As `report`, for the pod with this address.
fn named(address: &str, report: ReportRequest) -> ReportRequest {
    ReportRequest { addresses: vec![address.to_owned()], ..report }
}
