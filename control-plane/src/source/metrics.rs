//! What sources tell Prometheus.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters and gauges of the source. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct SourceMetrics {
    reloads: Family<ReloadLabels, Counter>,
    last_reload_failed: Gauge,
    services: Gauge,
    endpoints: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types)]
enum Outcome {
    ok,
    failed,
}

impl SourceMetrics {
    /// Metrics that the registry exposes.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("source");
        registry.register("reloads", "Times that new content was read, by outcome", metrics.reloads.clone());
        registry.register(
            "last_reload_failed",
            "1 while the last good content is served because the newest is wrong or missing",
            metrics.last_reload_failed.clone(),
        );
        registry.register("services", "Services served", metrics.services.clone());
        registry.register("endpoints", "Endpoints of these services, ready or not", metrics.endpoints.clone());
        for outcome in [Outcome::ok, Outcome::failed] {
            drop(metrics.reloads.get_or_create(&ReloadLabels { outcome }));
        }
        metrics
    }

    /// New content is served.
    pub fn loaded(&self, services: &crate::model::Services) {
        self.reloads.get_or_create(&ReloadLabels { outcome: Outcome::ok }).inc();
        self.restored();
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.services.set(count(services.len()));
        self.endpoints.set(count(services.iter().map(|service| service.endpoints.len()).sum()));
    }

    /// What is served is what the source has.
    pub fn restored(&self) {
        self.last_reload_failed.set(0);
    }

    /// The source has something wrong; the last good content stays.
    pub fn failed(&self) {
        self.reloads.get_or_create(&ReloadLabels { outcome: Outcome::failed }).inc();
        self.last_reload_failed.set(1);
    }
}
