//! Proxies that report: everything that the control plane sees of an Envoy with the filter.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use evenkeel_proto::rebalance::{Directive, ReportRequest, Signal};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::case::{CONNECTIONS, Case, NAMESPACE, address};
use super::connection::Connection;

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
        let connect =
            |proxy| async move { Ok::<_, anyhow::Error>((proxy, Connection::open(server, address(proxy)).await?)) };
        let connected = stream::iter(0..case.proxies).map(connect).buffer_unordered(CONNECTING);
        let connections: Vec<_> = connected.try_collect().await?;
        let heard = Arc::<Heard>::default();
        let mut tasks = JoinSet::new();
        for (proxy, connection) in connections {
            let group = format!("{NAMESPACE}/{}", case.group(proxy));
            tasks.spawn(report_for_ever(connection, proxy, group, heard.clone()));
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

/// Spread over the interval from the first report on, as proxies that were not all started at once are.
async fn report_for_ever(connection: Connection, proxy: u32, group: String, heard: Arc<Heard>) {
    sleep(INTERVAL.mul_f64(f64::from(proxy % 1000) / 1000.0)).await;
    let mut report = first_report(proxy, group);
    loop {
        let next = heard.note(connection.report(&report).await).unwrap_or(INTERVAL);
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
    fn note(&self, answer: Result<Directive>) -> Option<Duration> {
        match answer {
            Ok(directive) => {
                self.answered.fetch_add(1, Relaxed);
                directive.interval?.try_into().ok()
            }
            Err(error) => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                *refused.entry(error.to_string()).or_default() += 1;
                None
            }
        }
    }
}
