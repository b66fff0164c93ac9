//! Cold start: from nothing but an API server to the answer that has every endpoint of a large cluster.
//!
//! Beside it runs what any client has to do at least: the same kinds listed page by page and decoded.

mod answer;
pub mod bare_list;
mod evenkeel;
mod objects;

use std::path::Path;

use anyhow::{Context, Result};
use evenkeel_tests::kubernetes::Kubernetes;
use evenkeel_tests::network;
use serde::Serialize;

use self::bare_list::BareList;
use self::evenkeel::Started;
use super::ratio::{Ratio, percentile};
use super::server::ServerKind;
use super::transport::Transport;
use crate::progress::Progress;
use crate::signals;

/// Who lists and watches.
const ACCOUNT: (&str, &str) = (objects::NAMESPACE, "evenkeel");
const MANIFESTS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: bench}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: evenkeel, namespace: bench}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: evenkeel-bench},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin},
 subjects: [{kind: ServiceAccount, name: evenkeel, namespace: bench}]}
";

/// How large the cluster is, and how often it is read.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Services, each with one slice of ten endpoints.
    pub services: u32,
    /// Starts of each of the two.
    pub runs: u32,
}

impl Size {
    /// As large as clusters get, or a tenth of it.
    pub fn new(quick: bool) -> Self {
        if quick { Self { services: 1_000, runs: 2 } } else { Self { services: 10_000, runs: 5 } }
    }
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct ColdStart {
    /// Of what.
    pub size: Size,
    /// One start of Evenkeel each.
    pub evenkeel: Vec<Started>,
    /// One list of everything each.
    pub bare_list: Vec<BareList>,
}

/// Fills a cluster and measures. Nothing if a signal came.
pub fn measure(size: Size) -> Result<Option<ColdStart>> {
    let mut finished = None;
    network::isolated(|| async {
        tokio::select! {
            cold_start = ColdStart::measure(size) => finished = Some(cold_start?),
            signal = signals::interrupted() => signal?,
        }
        Ok(())
    })?;
    Ok(finished)
}

impl ColdStart {
    async fn measure(size: Size) -> Result<Self> {
        let kubernetes = Kubernetes::start().await?;
        kubernetes.apply(MANIFESTS).await?;
        objects::create(&kubernetes.client(), size.services).await.context("cannot fill the cluster")?;
        let kubeconfig = kubernetes.kubeconfig_for(ACCOUNT, &kubernetes.api_server).await?;
        let mut cold_start = Self { size, evenkeel: Vec::new(), bare_list: Vec::new() };
        cold_start.play(&kubeconfig).await?;
        Ok(cold_start)
    }

    /// In turns, so that what disturbs one disturbs the other. The first of each only brings caches up.
    async fn play(&mut self, kubeconfig: &Path) -> Result<()> {
        let mut progress = Progress::start("Cold start, runs", u64::from(self.size.runs) + 1)?;
        for run in 0..=self.size.runs {
            let listed = BareList::measure(kubeconfig, self.size.services).context("the bare list")?;
            let started = Started::measure(kubeconfig, self.size.services).await.context("evenkeel serve")?;
            if run > 0 {
                self.bare_list.push(listed);
                self.evenkeel.push(started);
            }
            progress.step();
        }
        Ok(())
    }

    /// What was hoped for, and what became of it: the time as a ratio, memory in megabytes.
    pub fn aims(&self) -> [(&'static str, f64, Ratio); 2] {
        let median = |values: &[f64]| percentile(values, 0.5);
        let time = Ratio::of(median, &self.seconds(), &self.bare_seconds());
        let memory = Ratio::exact(self.row().peak_rss_mb, 1.0);
        [("cold start / bare list", 1.5, time), ("peak RSS of a cold start, MB", 300.0, memory)]
    }

    /// Seconds of each start.
    fn seconds(&self) -> Vec<f64> {
        self.evenkeel.iter().map(|started| started.complete.as_secs_f64()).collect()
    }

    fn bare_seconds(&self) -> Vec<f64> {
        self.bare_list.iter().map(|listed| listed.complete.as_secs_f64()).collect()
    }

    /// The row of the report.
    pub fn row(&self) -> Row {
        let of =
            |value: fn(&Started) -> f64, share| percentile(&self.evenkeel.iter().map(value).collect::<Vec<_>>(), share);
        Row {
            server: ServerKind::Evenkeel,
            transport: Transport::Delta,
            streams: 1,
            services: self.size.services,
            endpoints: self.size.services * objects::ENDPOINTS_PER_SERVICE,
            p50_ms: of(|started| started.complete.as_secs_f64() * 1e3, 0.5),
            p99_ms: of(|started| started.complete.as_secs_f64() * 1e3, 0.99),
            cpu_s_per_push: of(|started| started.cpu.as_secs_f64(), 0.5),
            rss_mb: of(|started| started.resident as f64 / 1e6, 1.0),
            peak_rss_mb: of(|started| started.peak as f64 / 1e6, 1.0),
            bytes: of(|started| started.bytes as f64, 0.5),
            bare_list_p50_ms: percentile(&self.bare_seconds(), 0.5) * 1e3,
            bare_list_peak_rss_mb: self.bare_list.iter().map(|listed| listed.peak as f64 / 1e6).fold(0.0, f64::max),
            runs: self.size.runs,
        }
    }
}

/// What is said of cold starts.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    server: ServerKind,
    transport: Transport,
    streams: u32,
    /// Services of the cluster.
    pub services: u32,
    /// Endpoints of all of them.
    pub endpoints: u32,
    /// From the start of the process to the last endpoint of the first complete answer: the median of all runs.
    pub p50_ms: f64,
    /// The same, the slowest run.
    p99_ms: f64,
    /// CPU time until then.
    pub cpu_s_per_push: f64,
    /// Resident memory after the answer, the largest of all runs.
    pub rss_mb: f64,
    /// The largest resident memory until then, of all runs.
    pub peak_rss_mb: f64,
    /// Size of the answer.
    bytes: f64,
    /// From the start of the process that only lists to its last page: the median of all runs.
    pub bare_list_p50_ms: f64,
    /// Its largest resident memory.
    pub bare_list_peak_rss_mb: f64,
    runs: u32,
}
