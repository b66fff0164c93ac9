//! The groups as metrics, made when somebody asks: a group that is gone leaves nothing behind.

use super::GroupLabels;
use crate::rebalance::service::Rebalancer;
use crate::rebalance::status::{GroupStatus, State};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;

#[derive(Debug)]
pub struct GroupsCollector(Rebalancer);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    group: String,
    state: String,
}

impl GroupsCollector {
    pub fn new(rebalancer: Rebalancer) -> Self {
        Self(rebalancer)
    }
}

impl Collector for GroupsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let groups = self.0.statuses();
        let leads = ConstGauge::new(i64::from(self.0.leads()));
        let leader = encoder.encode_descriptor("leader", "1 on the replica that directs", None, MetricType::Gauge)?;
        leads.encode(leader)?;
        let mut gauge = |name, help, value: fn(&GroupStatus) -> f64| gauge(&mut encoder, &groups, name, help, value);
        gauge("group_imbalance", "Largest expected load of a member in terms of its share", |group| group.imbalance)?;
        gauge("group_excess", "Connections above the members' shares and their tolerance", |group| group.excess)?;
        gauge("group_live_connections", "Connections that are open and not draining", |group| group.live as f64)?;
        gauge("group_draining_connections", "Connections that are draining", |group| group.draining as f64)?;
        gauge("group_members", "Ready endpoints", |group| group.members.len() as f64)?;
        closes(&mut encoder, &groups)?;
        states(&mut encoder, &groups)
    }
}

fn labels(group: &GroupStatus) -> GroupLabels {
    GroupLabels { group: group.group.clone() }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    groups: &[GroupStatus],
    name: &str,
    help: &str,
    value: fn(&GroupStatus) -> f64,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    groups.iter().try_for_each(|group| ConstGauge::new(value(group)).encode(metric.encode_family(&labels(group))?))
}

fn closes(encoder: &mut DescriptorEncoder<'_>, groups: &[GroupStatus]) -> fmt::Result {
    let help = "Connections that began to drain because this replica allowed it";
    let mut metric = encoder.encode_descriptor("group_closes", help, None, MetricType::Counter)?;
    groups.iter().try_for_each(|group| ConstCounter::new(group.closes).encode(metric.encode_family(&labels(group))?))
}

/// One series for each state, 1 for the one that the group is in.
fn states(encoder: &mut DescriptorEncoder<'_>, groups: &[GroupStatus]) -> fmt::Result {
    let mut metric =
        encoder.encode_descriptor("group_state", "1 for the state of the group", None, MetricType::Gauge)?;
    for group in groups {
        for state in State::ALL {
            let labels = StateLabels { group: group.group.clone(), state: state.to_string() };
            ConstGauge::new(i64::from(group.state == state)).encode(metric.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
