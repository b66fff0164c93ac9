//! What sources tell Prometheus.

use crate::model::Services;
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
    publishes: Counter,
    objects: Family<KindLabels, Gauge>,
    malformed_objects: Family<KindLabels, Gauge>,
    lists: Family<KindLabels, Counter>,
    watch_errors: Family<KindLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
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
        registry.register("publishes", "Times that something new was handed on", metrics.publishes.clone());
        metrics.register_kubernetes(registry);
        for outcome in [Outcome::ok, Outcome::failed] {
            drop(metrics.reloads.get_or_create(&ReloadLabels { outcome }));
        }
        metrics
    }

    fn register_kubernetes(&self, registry: &mut Registry) {
        registry.register("objects", "Kubernetes objects that are known, by kind", self.objects.clone());
        registry.register(
            "malformed_objects",
            "Kubernetes objects that make no sense, in part or as a whole, by kind",
            self.malformed_objects.clone(),
        );
        registry.register("lists", "Complete lists that were taken, the first included, by kind", self.lists.clone());
        registry.register(
            "watch_errors",
            "Requests to list or watch that failed and were made again, by kind",
            self.watch_errors.clone(),
        );
    }

    /// New content of a file is served.
    pub fn loaded(&self, services: &Services) {
        self.reloads.get_or_create(&ReloadLabels { outcome: Outcome::ok }).inc();
        self.restored();
        self.published(services);
    }

    /// These services are handed on.
    pub fn published(&self, services: &Services) {
        self.publishes.inc();
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

    /// This kind will be watched: all that is said of it begins with zero.
    pub fn watching(&self, kind: &'static str) {
        self.objects(kind, 0);
        self.malformed(kind, 0);
        let labels = KindLabels { kind };
        drop((self.lists.get_or_create(&labels), self.watch_errors.get_or_create(&labels)));
    }

    /// So many objects of this kind are known.
    pub fn objects(&self, kind: &'static str, number: usize) {
        self.objects.get_or_create(&KindLabels { kind }).set(count(number));
    }

    /// So many objects of this kind make no sense.
    pub fn malformed(&self, kind: &'static str, number: usize) {
        self.malformed_objects.get_or_create(&KindLabels { kind }).set(count(number));
    }

    /// A list of this kind is complete.
    pub fn listed(&self, kind: &'static str) {
        self.lists.get_or_create(&KindLabels { kind }).inc();
    }

    /// A request to list or watch this kind failed.
    pub fn watch_failed(&self, kind: &'static str) {
        self.watch_errors.get_or_create(&KindLabels { kind }).inc();
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
