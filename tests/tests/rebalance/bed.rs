//! A gateway that reports to a server whose answers the test writes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_proto::rebalance::ReportRequest;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::gateway::{CONTROL_PLANE, Gateway, PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::rebalance_server::RebalanceServer;
use serde_json::{Value, json};

pub const INTERVAL: Duration = Duration::from_millis(500);
pub const GROUP: &str = "shop/gateway";

/// A gateway and the server that it reports to; both end when dropped.
pub struct Bed {
    pub gateway: Gateway,
    pub server: RebalanceServer,
}

/// The section `rebalance` with reports each [`INTERVAL`], and these fields over it.
pub fn rebalance(fields: &Value) -> Value {
    let mut section = json!({"group": GROUP, "cluster": CONTROL_PLANE, "interval": "500ms", "maxRate": 1});
    for (name, value) in fields.as_object().into_iter().flatten() {
        section[name] = value.clone();
    }
    json!({"rebalance": section})
}

impl Bed {
    pub async fn start(version: EnvoyVersion, plan: Plan) -> Result<Self> {
        let server = RebalanceServer::start()?;
        let gateway = plan.control_plane(server.address()).start(version).await?;
        Ok(Self { gateway, server })
    }

    /// Waits for a report that says so.
    pub async fn report_until(&self, what: &str, accepts: impl Fn(&ReportRequest) -> bool) -> Result<ReportRequest> {
        let report = self.server.report_until(what, PATIENCE, accepts).await;
        report.with_context(|| self.gateway.envoy.log_tail())
    }
}

/// So many connections, each used once, in the order in which they were opened.
pub async fn connect(address: SocketAddr, count: usize) -> Result<Vec<RawHttp1>> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut connection = RawHttp1::connect(address).await?;
        ensure!(!connection.get("/direct", &[]).await?.closes_connection(), "it is told to go at once");
        connections.push(connection);
    }
    Ok(connections)
}

/// One request on each; of each whether it was told to go.
pub async fn told_to_go(connections: &mut [RawHttp1]) -> Result<Vec<bool>> {
    let mut told = Vec::new();
    for connection in connections {
        let answer = connection.get("/direct", &[]).await?;
        ensure!(answer.status == 200, "{answer:?}");
        told.push(answer.closes_connection());
    }
    Ok(told)
}

/// Open connections of each of Envoy's workers.
pub async fn connections_by_worker(gateway: &Gateway) -> Result<BTreeMap<String, u64>> {
    let stats = gateway.envoy.stats("listener.").await?;
    let of_worker = |(name, value): (String, u64)| {
        let (start, worker) = name.strip_suffix(".downstream_cx_active")?.rsplit_once('.')?;
        (worker.starts_with("worker_") && !start.contains("admin")).then(|| (worker.to_owned(), value))
    };
    Ok(stats.into_iter().filter_map(of_worker).collect())
}
