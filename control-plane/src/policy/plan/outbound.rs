//! Which destinations' connections can be capped.
//!
//! Connections of replaced keys end by the idle time-out of a `DestinationRule`. A proxy follows one rule for a host only, so ours
//! stands back where somebody else's is: that one needs the time-out then, or the destination is left alone, for its connections
//! would pile up.

use super::Sources;
use crate::eds::OutboundName;
use crate::model::{DestinationRule, Labels};
use crate::policy::outbound::{Outbound, idle_timeout};
use evenkeel_filter_core::settings::{Destination, Host};
use std::collections::BTreeSet;
use std::fmt;

/// A destination whose connections are left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncappedDestination {
    /// Its host.
    pub host: Host,
    /// Why.
    pub reason: String,
}

impl fmt::Display for UncappedDestination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.host, self.reason)
    }
}

/// The pods that connections are opened by.
#[derive(Clone, Copy, Debug)]
pub struct Clients<'a> {
    /// Their namespace.
    pub namespace: &'a str,
    /// The labels that all of them have.
    pub labels: &'a Labels,
}

/// Whose rule ends idle connections.
#[derive(Debug, PartialEq, Eq)]
enum EndedBy {
    Ours,
    Another,
}

impl Sources {
    /// Takes those out of the section that are left alone, and says whose connections end by somebody else's rule.
    pub(super) fn cap(
        &self,
        section: &mut Outbound,
        clients: Clients<'_>,
    ) -> (BTreeSet<Host>, Vec<UncappedDestination>) {
        let (mut ruled, mut uncapped) = (BTreeSet::new(), Vec::new());
        for destination in std::mem::take(&mut section.destinations) {
            let host = destination.host.clone();
            match self.ended_by(&destination, clients) {
                Err(reason) => uncapped.push(UncappedDestination { host, reason }),
                Ok(ended_by) => {
                    section.destinations.push(destination);
                    ruled.extend((ended_by == EndedBy::Another).then_some(host));
                }
            }
        }
        (ruled, uncapped)
    }

    fn ended_by(&self, destination: &Destination, clients: Clients<'_>) -> Result<EndedBy, String> {
        let host = destination.host.as_str();
        let namespace = self.namespace_of(host)?;
        let rules = self.followed(host, namespace.as_deref(), clients);
        match rules.iter().find_map(|rule| Some((rule, lacks(rule, &rules)?))) {
            Some((rule, fields)) => Err(remedy(rule, &fields, destination)),
            None if rules.is_empty() => Ok(EndedBy::Ours),
            None => Ok(EndedBy::Another),
        }
    }

    /// The namespace of the Service, if the host is one.
    fn namespace_of(&self, host: &str) -> Result<Option<String>, String> {
        let mesh = &self.cluster.mesh;
        let name = OutboundName { port: 0, subset: String::new(), host: host.to_owned() };
        let service = name.service(&mesh.domain).ok();
        let is_known = service.as_ref().is_some_and(|service| self.cluster.services.get(service).is_some());
        if mesh.narrowed && !is_known {
            return Err("its DestinationRules may be where nobody looks: widen --namespace and --selector".to_owned());
        }
        Ok(service.map(|service| service.namespace.to_string()))
    }

    /// The rules that clients follow, or some of them may. Of a host that is no Service nobody knows which namespace is its own.
    fn followed(&self, host: &str, namespace: Option<&str>, clients: Clients<'_>) -> Vec<&DestinationRule> {
        let mesh = &self.cluster.mesh;
        let rules = mesh.rules_for(host);
        let of = |namespace: &str| {
            let rules = rules.get(namespace).into_iter().flatten().copied();
            rules.filter(|rule| may_follow(rule, clients)).collect::<Vec<_>>()
        };
        let elsewhere = namespace.map_or_else(|| rules.keys().copied().collect(), |namespace| vec![namespace]);
        let order = [clients.namespace].into_iter().chain(elsewhere).chain([mesh.root_namespace.as_str()]);
        order.map(of).find(|rules| !rules.is_empty()).unwrap_or_default()
    }
}

/// A rule of another namespace that is for some clients only may be for these. Only pods of its own namespace are selected.
fn may_follow(rule: &DestinationRule, clients: Clients<'_>) -> bool {
    let contradicts = |(name, value)| clients.labels.get(name).is_some_and(|label| label != value);
    rule.selector.is_empty() || (rule.namespace == clients.namespace && !rule.selector.iter().any(contradicts))
}

/// The fields that a rule lacks. Of several for one host the oldest says what holds for all subsets.
fn lacks(rule: &DestinationRule, rules: &[&DestinationRule]) -> Option<Vec<String>> {
    let is_oldest = rules.first().is_some_and(|first| first.name == rule.name);
    let counts = |field: &&String| is_oldest || field.starts_with("spec.subsets");
    let fields: Vec<_> = rule.without_idle_timeout.iter().filter(counts).cloned().collect();
    (!fields.is_empty()).then_some(fields)
}

fn remedy(rule: &DestinationRule, fields: &[String], destination: &Destination) -> String {
    let seconds = idle_timeout(destination).as_secs_f64();
    format!(
        "DestinationRule {}/{} is followed instead of ours and leaves idle connections open: set {} to {seconds}s there",
        rule.namespace,
        rule.name,
        fields.join(", ")
    )
}

#[cfg(test)]
mod tests;
