//! What the rebalance tells Prometheus.

mod collector;

use super::{Rebalancer, Refusal};
use crate::rebalance::groups::Refused;
use collector::GroupsCollector;
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters of the service. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct RebalanceMetrics {
    reports: Family<ResultLabels, Counter>,
    directives: Family<GroupLabels, Counter>,
    policies_last_reload_failed: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: ReportResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GroupLabels {
    group: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types)]
enum ReportResult {
    ok,
    invalid_argument,
    permission_denied,
    unavailable,
}

impl ReportResult {
    const ALL: [Self; 4] = [Self::ok, Self::invalid_argument, Self::permission_denied, Self::unavailable];

    fn of(answer: &Result<Directive, Refusal>) -> Self {
        match answer {
            Ok(_) => Self::ok,
            Err(Refusal::Refused(Refused::InvalidArgument(_))) => Self::invalid_argument,
            Err(Refusal::Refused(Refused::PermissionDenied(_))) => Self::permission_denied,
            Err(_) => Self::unavailable,
        }
    }
}

impl RebalanceMetrics {
    /// Metrics that the registry exposes.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("reports", "Reports of proxies, by how they were answered", metrics.reports.clone());
        registry.register(
            "group_directives",
            "Answers that allowed connections to be drained",
            metrics.directives.clone(),
        );
        registry.register(
            "policies_last_reload_failed",
            "1 while the last good policies hold because the newest are wrong or missing",
            metrics.policies_last_reload_failed.clone(),
        );
        for result in ReportResult::ALL {
            drop(metrics.reports.get_or_create(&ResultLabels { result }));
        }
        metrics
    }

    /// From now on the registry also exposes what the groups are at each moment that it is asked.
    pub fn register_groups(registry: &mut Registry, rebalancer: Rebalancer) {
        registry.register_collector(Box::new(GroupsCollector::new(rebalancer)));
    }

    /// Whether older policies hold because the newest are wrong or missing.
    pub fn policies_failed(&self, failed: bool) {
        self.policies_last_reload_failed.set(i64::from(failed));
    }

    /// A report was answered. Only groups that exist are answered, so there are not more of them than there are groups.
    pub(super) fn answered(&self, report: &ReportRequest, answer: &Result<Directive, Refusal>) {
        self.reports.get_or_create(&ResultLabels { result: ReportResult::of(answer) }).inc();
        if answer.as_ref().is_ok_and(|directive| directive.drains > report.drained) {
            self.directives.get_or_create(&GroupLabels { group: report.group.clone() }).inc();
        }
    }
}
