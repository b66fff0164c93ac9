//! The filter's metrics in Envoy's stats, where they carry Envoy's prefix `wasmcustom.`.
//!
//! They are brought up to date with each tick, by differences: one host call per metric that changed, none per request.

use evenkeel_filter_core::connections::Load;

use crate::host::{Host, MetricId, MetricKind};
use crate::reporter::Activity;

/// One value per metric, in the order of [`DEFINITIONS`].
type Values = [u64; DEFINITIONS.len()];

const DEFINITIONS: [(MetricKind, &str); 12] = [
    (MetricKind::Gauge, "evenkeel.connections_live"),
    (MetricKind::Gauge, "evenkeel.connections_draining"),
    (MetricKind::Counter, "evenkeel.connections_accepted"),
    (MetricKind::Counter, "evenkeel.requests"),
    (MetricKind::Counter, "evenkeel.drains_age"),
    (MetricKind::Counter, "evenkeel.drains_requests"),
    (MetricKind::Counter, "evenkeel.drains_rebalance"),
    (MetricKind::Counter, "evenkeel.streams_closed"),
    (MetricKind::Counter, "evenkeel.keys_rotated"),
    (MetricKind::Counter, "evenkeel.reports_sent"),
    (MetricKind::Counter, "evenkeel.reports_failed"),
    (MetricKind::Counter, "evenkeel.directives_obeyed"),
];

/// The metrics as Envoy knows them; the same for every plugin of a VM.
#[derive(Debug, Clone, Copy)]
pub struct Metrics([MetricId; DEFINITIONS.len()]);

/// What one plugin did in this VM.
#[derive(Debug, Clone, Copy, Default)]
pub struct Record {
    /// Its connections.
    pub load: Load,
    /// Pool keys replaced.
    pub keys_rotated: u64,
    /// Reports and their answers.
    pub reports: Activity,
}

/// What was told to Envoy so far on behalf of one plugin.
#[derive(Debug, Default)]
pub struct Told(Values);

impl Metrics {
    /// Makes the metrics, or finds them when another VM has made them.
    pub fn define(host: &impl Host) -> Self {
        Self(DEFINITIONS.map(|(kind, name)| host.define_metric(kind, name)))
    }

    /// Tells Envoy what changed since it was told last.
    pub fn tell(&self, host: &impl Host, told: &mut Told, record: Record) {
        let values = values(record);
        for ((metric, value), told) in self.0.into_iter().zip(values).zip(&mut told.0) {
            if value != *told {
                host.increment_metric(metric, value.wrapping_sub(*told).cast_signed());
                *told = value;
            }
        }
    }
}

fn values(Record { load, keys_rotated, reports }: Record) -> Values {
    [
        load.live,
        load.draining,
        load.accepted,
        load.requests,
        load.drains_by_age,
        load.drains_by_requests,
        load.drains_by_rebalance,
        load.streams_closed,
        keys_rotated,
        reports.sent,
        reports.failed,
        reports.obeyed,
    ]
}
