//! What the xDS server tells Prometheus.

mod duration;

use super::{ResourceType, Response, stream::Received, stream::Verdict};
use duration::Durations;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counters, gauges and histograms of the xDS server. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct XdsMetrics {
    connections: Gauge,
    connections_refused: Family<ReasonLabels, Counter>,
    streams: Family<TransportLabels, Gauge>,
    streams_refused: Family<ReasonLabels, Counter>,
    streams_ended: Family<ReasonLabels, Counter>,
    requests: Family<TypeLabels, Counter>,
    pushes: Family<TypeLabels, Counter>,
    push_bytes: Family<TypeLabels, Counter>,
    acks: Family<TypeLabels, Counter>,
    rejects: Family<TypeLabels, Counter>,
    stale: Family<TypeLabels, Counter>,
    push_time: Durations<TypeLabels>,
    convergence: Durations<TypeLabels>,
    tls_last_reload_failed: Gauge,
    snapshots: Counter,
    newest_snapshot: Arc<Mutex<Option<Instant>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabels {
    transport: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabels {
    r#type: &'static str,
}

impl TypeLabels {
    fn of(resource_type: Option<ResourceType>) -> Self {
        Self { r#type: resource_type.map_or("unknown", ResourceType::name) }
    }
}

impl XdsMetrics {
    /// Metrics that the registry exposes.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("xds");
        metrics.register_clients(registry);
        metrics.register_messages(registry);
        metrics.start_at_zero();
        metrics
    }

    fn register_clients(&self, registry: &mut Registry) {
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "connections_refused",
            "Connections closed before any request, by reason",
            self.connections_refused.clone(),
        );
        registry.register(
            "tls_last_reload_failed",
            "1 while older certificates are served because the newest are wrong or missing",
            self.tls_last_reload_failed.clone(),
        );
        registry.register("streams", "Open discovery streams", self.streams.clone());
        registry.register("streams_refused", "Streams refused, by reason", self.streams_refused.clone());
        registry.register("streams_ended", "Streams ended by the server, by reason", self.streams_ended.clone());
    }

    fn register_messages(&self, registry: &mut Registry) {
        registry.register("requests", "Requests; `unknown` are types that are not served", self.requests.clone());
        registry.register("pushes", "Responses given to the transport", self.pushes.clone());
        registry.register("push_bytes", "Size of these responses, in bytes", self.push_bytes.clone());
        registry.register("acks", "Responses that clients accepted", self.acks.clone());
        registry.register("rejects", "Responses that clients rejected", self.rejects.clone());
        registry.register("expired_nonces", "Requests ignored for an old nonce", self.stale.clone());
        registry.register(
            "push_time_seconds",
            "From a snapshot, or a request for it, until the response is given to the transport",
            self.push_time.family(),
        );
        registry.register(
            "convergence_seconds",
            "From a snapshot, or a request for it, until the client accepts the response",
            self.convergence.family(),
        );
        registry.register("snapshots", "Snapshots published", self.snapshots.clone());
    }

    /// So that a rate can be computed, and an alert can be silent, before the first event.
    fn start_at_zero(&self) {
        let counters = [&self.requests, &self.pushes, &self.push_bytes, &self.acks, &self.rejects, &self.stale];
        for counter in counters {
            for resource_type in ResourceType::ALL {
                drop(counter.get_or_create(&TypeLabels::of(Some(resource_type))));
            }
        }
        drop(self.requests.get_or_create(&TypeLabels::of(None)));
    }

    /// A snapshot is published.
    pub fn published(&self) {
        self.snapshots.inc();
        *self.newest_snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// When the newest snapshot was published.
    pub(super) fn newest_snapshot(&self) -> Option<Instant> {
        *self.newest_snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection was opened; it counts as open until the value is dropped.
    pub(super) fn connected(&self) -> Open {
        Open::new(self.connections.clone())
    }

    /// A connection was closed before any request.
    pub(super) fn connection_refused(&self, reason: &'static str) {
        self.connections_refused.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Whether older certificates are served because the newest are wrong.
    pub(super) fn tls_reload_failed(&self, failed: bool) {
        self.tls_last_reload_failed.set(i64::from(failed));
    }

    /// A stream was opened; it counts as open until the value is dropped.
    pub(super) fn opened(&self, transport: &'static str) -> Open {
        Open::new(self.streams.get_or_create_owned(&TransportLabels { transport }))
    }

    /// A stream was refused.
    pub(super) fn refused(&self, reason: &'static str) {
        self.streams_refused.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// The server has ended a stream.
    pub(super) fn ended(&self, reason: &'static str) {
        self.streams_ended.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// A request was taken.
    pub(super) fn received(&self, received: &Received) {
        let labels = TypeLabels::of(received.resource_type);
        self.requests.get_or_create(&labels).inc();
        let verdicts = match received.verdict {
            Verdict::None => return,
            Verdict::Ack => &self.acks,
            Verdict::Nack(_) => &self.rejects,
            Verdict::Stale => &self.stale,
        };
        verdicts.get_or_create(&labels).inc();
    }

    /// A response is on its way, so long after it became due.
    pub(super) fn pushed(&self, response: &Response, after: Duration) {
        let labels = TypeLabels::of(Some(response.resource_type));
        self.pushes.get_or_create(&labels).inc();
        self.push_bytes.get_or_create(&labels).inc_by(response.size() as u64);
        self.push_time.observe(&labels, after);
    }

    /// A client has accepted a response, so long after it became due.
    pub(super) fn converged(&self, resource_type: ResourceType, after: Duration) {
        self.convergence.observe(&TypeLabels::of(Some(resource_type)), after);
    }
}

/// Counts something as open as long as it lives.
#[derive(Debug)]
pub(super) struct Open(Gauge);

impl Open {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
