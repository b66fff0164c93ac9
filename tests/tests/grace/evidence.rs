//! What a gateway and its backends say about the requests and connections they had.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::backend::Backend;

use super::gateway::{Caps, Gateway};
use super::mix::Traffic;

const PATIENCE: Duration = Duration::from_secs(20);
const CONNECTIONS: &str = "http.gateway.downstream_cx_total";
const ACCEPTED: &str = "wasmcustom.evenkeel.connections_accepted";

/// Counters that stay 0 while every request that came in is answered.
const FAULTS: &[&str] = &[
    "http.gateway.downstream_cx_destroy_active_rq",
    "http.gateway.downstream_cx_destroy_local_active_rq",
    "http.gateway.downstream_cx_destroy_remote_active_rq",
    "http.gateway.downstream_rq_3xx",
    "http.gateway.downstream_rq_4xx",
    "http.gateway.downstream_rq_5xx",
    "http.gateway.downstream_rq_idle_timeout",
    "http.gateway.downstream_rq_max_duration_reached",
    "http.gateway.downstream_rq_response_before_rq_complete",
    "http.gateway.downstream_rq_rx_reset",
    "http.gateway.downstream_rq_timeout",
    "http.gateway.downstream_rq_tx_reset",
    "cluster.backends.upstream_cx_connect_fail",
    "cluster.backends.upstream_cx_destroy_with_active_rq",
    "cluster.backends.upstream_cx_overflow",
    "cluster.backends.upstream_cx_protocol_error",
    "cluster.backends.upstream_rq_pending_failure_eject",
    "cluster.backends.upstream_rq_pending_overflow",
    "cluster.backends.upstream_rq_retry",
    "cluster.backends.upstream_rq_rx_reset",
    "cluster.backends.upstream_rq_timeout",
    "cluster.backends.upstream_rq_tx_reset",
];

/// The evidence, taken when no client is connected any more.
#[derive(Debug)]
pub struct Evidence {
    /// Requests that reached Envoy.
    pub requests: u64,
    /// [`FAULTS`] that are not 0.
    pub faults: BTreeMap<&'static str, u64>,
    /// Connections that broke the protocol in Envoy's eyes.
    pub protocol_errors: u64,
    /// Connections that Envoy accepted.
    pub connections: u64,
    /// Connections that the filter says were accepted; 0 without the filter.
    pub accepted: u64,
    /// Connections that were told to go.
    pub drains: u64,
    /// Ids that the backends got more than once, together.
    pub executed_twice: Vec<String>,
    /// Ids that a backend got and whose caller saw a failure.
    pub failed_though_executed: Vec<String>,
    /// Ids whose caller saw an answer and which no backend got: a broken instrument.
    pub answered_by_nobody: Vec<String>,
}

impl Evidence {
    pub async fn take(gateway: &Gateway, traffic: &Traffic) -> Result<Self> {
        settle(gateway).await?;
        let envoy = &gateway.envoy;
        let mut evidence = Self {
            requests: envoy.stat("http.gateway.downstream_rq_total").await?,
            faults: faults(gateway).await?,
            protocol_errors: envoy.stat("http.gateway.downstream_cx_protocol_error").await?,
            connections: envoy.stat(CONNECTIONS).await?,
            accepted: envoy.stat(ACCEPTED).await?,
            drains: gateway.drains().await?,
            executed_twice: Vec::new(),
            failed_though_executed: Vec::new(),
            answered_by_nobody: Vec::new(),
        };
        evidence.count_executions(&gateway.backends, traffic);
        Ok(evidence)
    }

    /// Requests that reached Envoy and whose caller saw no right answer.
    pub fn reached_and_failed(&self, traffic: &Traffic) -> u64 {
        let executed = self.failed_though_executed.len() as u64;
        self.requests.saturating_sub(traffic.ok()).max(executed)
    }

    fn count_executions(&mut self, backends: &[Backend], traffic: &Traffic) {
        for (load, outcome) in traffic.loads() {
            let failed: HashSet<&String> = outcome.failed_ids.iter().collect();
            for id in load.ids() {
                match (executions(backends, &id), failed.contains(&id)) {
                    (2.., _) => self.executed_twice.push(id),
                    (1, true) => self.failed_though_executed.push(id),
                    (0, false) => self.answered_by_nobody.push(id),
                    _ => {}
                }
            }
        }
    }
}

fn executions(backends: &[Backend], id: &str) -> u32 {
    backends.iter().filter_map(|backend| backend.record().execution(id)).map(|execution| execution.times).sum()
}

async fn faults(gateway: &Gateway) -> Result<BTreeMap<&'static str, u64>> {
    let stats: BTreeMap<_, _> = gateway.envoy.stats("").await?.into_iter().collect();
    let value = |name: &&'static str| (*name, stats.get(*name).copied().unwrap_or(0));
    Ok(FAULTS.iter().map(value).filter(|(_, value)| *value > 0).collect())
}

/// The clients have gone: waits until Envoy has noticed, and until the filter has told everything (it does so by tick).
async fn settle(gateway: &Gateway) -> Result<()> {
    let envoy = &gateway.envoy;
    let zero = |value| value == 0;
    envoy.stat_until("http.gateway.downstream_cx_active", zero, PATIENCE).await?;
    if gateway.caps == Caps::Evenkeel {
        let connections = envoy.stat(CONNECTIONS).await?;
        envoy.stat_until(ACCEPTED, |accepted| accepted == connections, PATIENCE).await?;
        envoy.stat_until("wasmcustom.evenkeel.connections_live", zero, PATIENCE).await?;
        envoy.stat_until("wasmcustom.evenkeel.connections_draining", zero, PATIENCE).await?;
    }
    Ok(())
}
