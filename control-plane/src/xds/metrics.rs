//! What the xDS server tells Prometheus.

use super::{ResourceType, Response, stream::Received, stream::Verdict};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters and gauges of the xDS server. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct XdsMetrics {
    streams: Family<TransportLabels, Gauge>,
    streams_refused: Counter,
    requests: Family<TypeLabels, Counter>,
    pushes: Family<TypeLabels, Counter>,
    push_bytes: Family<TypeLabels, Counter>,
    acks: Family<TypeLabels, Counter>,
    rejects: Family<TypeLabels, Counter>,
    stale: Family<TypeLabels, Counter>,
    snapshots: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabels {
    transport: &'static str,
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
        registry.register("streams", "Open streams", metrics.streams.clone());
        registry.register(
            "streams_refused",
            "Streams refused because the source was not read yet or the server stops",
            metrics.streams_refused.clone(),
        );
        registry.register("requests", "Requests; `unknown` are types that are not served", metrics.requests.clone());
        registry.register("pushes", "Responses given to the transport", metrics.pushes.clone());
        registry.register("push_bytes", "Size of these responses, in bytes", metrics.push_bytes.clone());
        registry.register("acks", "Responses that clients accepted", metrics.acks.clone());
        registry.register("rejects", "Responses that clients rejected", metrics.rejects.clone());
        registry.register("expired_nonces", "Requests ignored for an old nonce", metrics.stale.clone());
        registry.register("snapshots", "Snapshots published", metrics.snapshots.clone());
        metrics.start_at_zero();
        metrics
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

    /// A snapshot was published.
    pub fn published(&self) {
        self.snapshots.inc();
    }

    /// A stream was refused.
    pub(super) fn refused(&self) {
        self.streams_refused.inc();
    }

    /// A stream was opened; it counts as open until the value is dropped.
    pub(super) fn opened(&self, transport: &'static str) -> OpenStream {
        let streams = self.streams.get_or_create_owned(&TransportLabels { transport });
        streams.inc();
        OpenStream { streams }
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

    /// A response is on its way.
    pub(super) fn pushed(&self, response: &Response) {
        let labels = TypeLabels::of(Some(response.resource_type));
        self.pushes.get_or_create(&labels).inc();
        self.push_bytes.get_or_create(&labels).inc_by(response.size() as u64);
    }
}

/// Counts a stream as open as long as it lives.
#[derive(Debug)]
pub(super) struct OpenStream {
    streams: Gauge,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.dec();
    }
}
