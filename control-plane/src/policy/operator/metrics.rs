//! What the policies of a cluster tell Prometheus.

use crate::policy::plan::{Plan, Verdict};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Gauges. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct PolicyMetrics {
    policies: Family<Labels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: &'static str,
}

impl PolicyMetrics {
    /// Metrics that the registry exposes.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let help = "Policies of the cluster, by the reason of their condition Accepted";
        registry.register("policies", help, metrics.policies.clone());
        metrics.planned(&Plan::default());
        metrics
    }

    /// These are the policies now.
    pub fn planned(&self, plan: &Plan) {
        for reason in Verdict::REASONS {
            let policies = plan.policies.iter().filter(|planned| planned.verdict.reason() == reason);
            let count = i64::try_from(policies.count()).unwrap_or(i64::MAX);
            self.policies.get_or_create(&Labels { reason }).set(count);
        }
    }
}
