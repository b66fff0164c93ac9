//! What is made of the measurements.

use serde::Serialize;

use super::case::Case;
use super::cold_start::{self, ColdStart};
use super::processors::Processors;
use super::ratio::{Ratio, mean, percentile};
use super::rounds::Measured;
use super::server::ServerKind;
use super::transport::Transport;

/// Bytes of a megabyte.
const MEGABYTE: f64 = 1e6;

/// Everything.
pub struct Report {
    /// Where it ran.
    pub processors: Processors,
    /// Pushes, case by case.
    pub comparisons: Vec<Comparison>,
    /// Starts from an API server.
    pub cold_start: ColdStart,
}

impl Report {
    /// The rows of the JSON.
    pub fn rows(&self) -> Vec<AnyRow> {
        let pushes = self.comparisons.iter().flat_map(|comparison| [&comparison.ours, &comparison.theirs]);
        pushes.cloned().map(AnyRow::Push).chain([AnyRow::ColdStart(self.cold_start.row())]).collect()
    }
}

/// A row of the JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "benchmark", rename_all = "snake_case")]
pub enum AnyRow {
    /// Of pushes.
    Push(Row),
    /// Of cold starts.
    ColdStart(cold_start::Row),
}

/// What was measured of one server in one case.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Of which one.
    pub server: ServerKind,
    /// How clients subscribe.
    pub transport: Transport,
    /// How many clients, each on a connection of its own.
    pub streams: u32,
    /// How many endpoints the service has.
    pub endpoints: u32,
    /// From the beginning of a change until the last client has sent its acknowledgement: the median of all changes.
    pub p50_ms: f64,
    /// The same, 99 % of all changes are not above it.
    pub p99_ms: f64,
    /// CPU time of the server's process, user and system.
    pub cpu_s_per_push: f64,
    /// Resident memory after the last change, with all streams open.
    pub rss_mb: f64,
    /// What all clients together read per change, with the framing of HTTP/2.
    pub bytes: f64,
    /// The largest resident memory.
    pub peak_rss_mb: f64,
    /// The part of the CPU time that the kernel has spent on sockets: copies of these bytes, their segments, and waking the
    /// clients. None if it was too little to say.
    pub kernel_cpu_share: Option<f64>,
    /// Changes that were measured.
    pub pushes: usize,
}

impl Row {
    fn new(case: Case, measured: &Measured) -> Self {
        Self {
            server: measured.server,
            transport: case.transport,
            streams: case.streams,
            endpoints: case.endpoints,
            p50_ms: percentile(&measured.latencies, 0.5),
            p99_ms: percentile(&measured.latencies, 0.99),
            cpu_s_per_push: mean(&measured.cpu),
            rss_mb: measured.resident as f64 / MEGABYTE,
            bytes: measured.bytes,
            peak_rss_mb: measured.peak as f64 / MEGABYTE,
            kernel_cpu_share: measured.kernel_share,
            pushes: measured.latencies.len(),
        }
    }
}

/// Ours divided by theirs.
#[derive(Clone, Copy, Debug)]
pub struct Ratios {
    /// Of the medians.
    pub p50: Ratio,
    /// Of the 99th percentiles.
    pub p99: Ratio,
    /// Of CPU time per push.
    pub cpu: Ratio,
    /// Of steady memory.
    pub rss: Ratio,
    /// Of the largest memory.
    pub peak_rss: Ratio,
    /// Of bytes per push.
    pub bytes: Ratio,
}

/// One case, side by side.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What was measured.
    pub case: Case,
    /// Evenkeel.
    pub ours: Row,
    /// Its peer.
    pub theirs: Row,
    /// One by the other.
    pub ratios: Ratios,
}

impl Comparison {
    /// Of the two measurements of a case, in any order.
    pub fn new(case: Case, [first, second]: &[Measured; 2]) -> Self {
        let (ours, theirs) = if first.server == ServerKind::Evenkeel { (first, second) } else { (second, first) };
        let latency = |share| Ratio::of(|values| percentile(values, share), &ours.latencies, &theirs.latencies);
        let ratios = Ratios {
            p50: latency(0.5),
            p99: latency(0.99),
            cpu: Ratio::of(mean, &ours.cpu, &theirs.cpu),
            rss: Ratio::exact(ours.resident as f64, theirs.resident as f64),
            peak_rss: Ratio::exact(ours.peak as f64, theirs.peak as f64),
            bytes: Ratio::exact(ours.bytes, theirs.bytes),
        };
        Self { case, ours: Row::new(case, ours), theirs: Row::new(case, theirs), ratios }
    }

    /// What was hoped for, and the ratio that became of it.
    pub fn aims(&self) -> Vec<(&'static str, f64, Ratio)> {
        if !self.case.has_aims() {
            return Vec::new();
        }
        vec![("p99", 0.6, self.ratios.p99), ("CPU", 0.4, self.ratios.cpu), ("RSS", 0.1, self.ratios.rss)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(server: ServerKind, scale: f64) -> Measured {
        let values: Vec<f64> = (1..=100).map(|value| f64::from(value) * scale).collect();
        let (latencies, cpu) = (values.clone(), values);
        Measured { server, latencies, cpu, bytes: 5e6, resident: 30_000_000, peak: 40_000_000, kernel_share: None }
    }

    fn comparison() -> Comparison {
        let case = Case { transport: Transport::Delta, streams: 1_000, endpoints: 10_000 };
        // The order in which they were measured last is random.
        Comparison::new(case, &[measured(ServerKind::GoControlPlane, 4.0), measured(ServerKind::Evenkeel, 1.0)])
    }

    #[test]
    fn ratios_are_ours_by_theirs() {
        let comparison = comparison();
        let ratios = comparison.ratios;
        for (ratio, expected) in [(ratios.p50, 0.25), (ratios.p99, 0.25), (ratios.cpu, 0.25), (ratios.rss, 1.0)] {
            assert!((ratio.value - expected).abs() < 1e-9, "{ratio:?} is not {expected}");
        }
        assert_eq!(comparison.aims().len(), 3);
    }

    #[test]
    fn a_row_has_the_names_and_units_that_others_rely_on() {
        let row = serde_json::to_value(comparison().ours).unwrap();
        assert_eq!((&row["server"], &row["transport"]), (&"evenkeel".into(), &"delta".into()));
        assert_eq!((&row["streams"], &row["endpoints"]), (&1_000.into(), &10_000.into()));
        assert_eq!((&row["p50_ms"], &row["p99_ms"]), (&50.0.into(), &99.0.into()));
        assert_eq!((&row["cpu_s_per_push"], &row["rss_mb"], &row["bytes"]), (&50.5.into(), &30.0.into(), &5e6.into()));
        assert_eq!(serde_json::to_value(comparison().theirs).unwrap()["server"], "go-control-plane");
    }
}
