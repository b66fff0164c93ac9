//! Proxies that report: everything that the control plane sees of an Envoy with the filter.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_proto::rebalance::rebalance_client::RebalanceClient;
use evenkeel_proto::rebalance::{Directive, ReportRequest, Signal};
use futures::{StreamExt, TryStreamExt, stream};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::case::{CONNECTIONS, Case, NAMESPACE, address};

/// The setting `interval`.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many connect at one time.
const CONNECTING: usize = 64;

/// Proxies under way; dropping this ends them.
#[derive(Debug)]
pub struct Proxies {
    heard: Arc<Heard>,
    _tasks: JoinSet<()>,
}

/// What they were told.
#[derive(Debug, Default)]
struct Heard {
    answered: AtomicU64,
    refused: Mutex<BTreeMap<String, u64>>,
}

impl Proxies {
    /// Connects all of them and lets them report, each from its own address.
    pub async fn start(case: &Case, server: SocketAddr) -> Result<Self> {
        let connect = |proxy| async move { Ok::<_, anyhow::Error>((proxy, connect(server, address(proxy)).await?)) };
        let connected = stream::iter(0..case.proxies).map(connect).buffer_unordered(CONNECTING);
        let channels: Vec<_> = connected.try_collect().await?;
        let heard = Arc::<Heard>::default();
        let mut tasks = JoinSet::new();
        for (proxy, channel) in channels {
            let group = format!("{NAMESPACE}/{}", case.group(proxy));
            tasks.spawn(report_for_ever(RebalanceClient::new(channel), proxy, group, heard.clone()));
        }
        Ok(Self { heard, _tasks: tasks })
    }

    /// Reports that were answered with a directive so far.
    pub fn answered(&self) -> u64 {
        self.heard.answered.load(Relaxed)
    }

    /// Why others were not, and how often.
    pub fn refused(&self) -> BTreeMap<String, u64> {
        self.heard.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn connect(server: SocketAddr, source: IpAddr) -> Result<Channel> {
    let connector = service_fn(move |_: Uri| async move {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(server).await.map(TokioIo::new)
    });
    let endpoint = Endpoint::from_shared(format!("http://{server}"))?;
    endpoint.connect_with_connector(connector).await.with_context(|| format!("{source} cannot connect"))
}

/// Spread over the interval from the first report on, as proxies that were not all started at once are.
async fn report_for_ever(mut client: RebalanceClient<Channel>, proxy: u32, group: String, heard: Arc<Heard>) {
    sleep(INTERVAL.mul_f64(f64::from(proxy % 1000) / 1000.0)).await;
    let mut report = first_report(proxy, group);
    loop {
        let answer = client.report(report.clone()).await.map(tonic::Response::into_inner);
        let next = heard.note(answer).unwrap_or(INTERVAL);
        sleep(next).await;
        report.sequence += 1;
        report.requests += 10 * CONNECTIONS;
    }
}

fn first_report(proxy: u32, group: String) -> ReportRequest {
    ReportRequest {
        group,
        instance: u64::from(proxy) + 1,
        sequence: 1,
        node: format!("router~{}~gateway-{proxy}.{NAMESPACE}~cluster.local", address(proxy)),
        live: CONNECTIONS,
        accepted: CONNECTIONS,
        signal: Signal::Connections.into(),
        interval: prost_types::Duration::try_from(INTERVAL).ok(),
        max_rate: 0.2,
        ..ReportRequest::default()
    }
}

impl Heard {
    /// When to report again.
    fn note(&self, answer: Result<Directive, tonic::Status>) -> Option<Duration> {
        match answer {
            Ok(directive) => {
                self.answered.fetch_add(1, Relaxed);
                directive.interval?.try_into().ok()
            }
            Err(status) => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                *refused.entry(status.to_string()).or_default() += 1;
                None
            }
        }
    }
}
