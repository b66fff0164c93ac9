//! What `DestinationRule`s say about a destination.

use super::{Declined, OutboundName};
use crate::model::{ClientTlsMode, DestinationRule, Labels, Mesh, Subset, TrafficPolicy};
use std::collections::BTreeMap;

/// What rules mean for the endpoints of a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// The labels of its pods beside those of the service.
    pub labels: Labels,
    /// The client's TLS, where a rule says it.
    pub tls: Option<ClientTlsMode>,
    /// What makes localities get priorities.
    pub locality_priorities: Option<&'static str>,
    /// Whether connections go to the address that the client has chosen.
    pub passes_through: bool,
}

/// The rules for a host, by the namespaces that they are in: one answer can be given only if all of them mean the same.
#[derive(Debug)]
pub struct Rules<'a> {
    namespaces: BTreeMap<&'a str, Vec<&'a DestinationRule>>,
    preferred: [&'a str; 2],
}

impl<'a> Rules<'a> {
    /// The rules for the host of a destination, whose service is in `namespace`.
    pub fn of(mesh: &'a Mesh, name: &OutboundName, namespace: &'a str) -> Self {
        Self { namespaces: mesh.rules_for(&name.host), preferred: [namespace, &mesh.root_namespace] }
    }

    /// What they mean for a destination.
    pub fn meaning(&self, name: &OutboundName) -> Result<Meaning, Declined> {
        let no_subset = || Declined::NoSubset(name.subset.clone());
        let for_all = |rules: &&Vec<&DestinationRule>| !rules.iter().any(|rule| rule.for_some_clients);
        let mut usual = self.preferred.iter().filter_map(|namespace| self.namespaces.get(namespace)).filter(for_all);
        let usual = usual.next().map_or(&[][..], Vec::as_slice);
        let meaning = meaning(usual, name).ok_or_else(no_subset);
        for rules in self.namespaces.values() {
            let theirs = self::meaning(rules, name);
            if theirs.is_some() && theirs.as_ref() != meaning.as_ref().ok() {
                return Err(Declined::DependsOnClient(names(rules)));
            }
        }
        meaning
    }
}

/// The subsets that rules for a host define.
pub fn subsets(mesh: &Mesh, host: &str) -> impl Iterator<Item = String> {
    let rules = mesh.destination_rules.iter().filter(move |rule| rule.is_for(host));
    rules.flat_map(|rule| rule.subsets.iter().map(|subset| subset.name.clone()))
}

fn names(rules: &[&DestinationRule]) -> String {
    rules.iter().map(|rule| format!("{}/{}", rule.namespace, rule.name)).collect::<Vec<_>>().join(", ")
}

/// `None` if they do not define the subset, so that who follows them does not have this destination.
fn meaning(rules: &[&DestinationRule], name: &OutboundName) -> Option<Meaning> {
    // Rules for one host are merged: the oldest has the say, subsets come from all.
    let policy = rules.first().map(|rule| &rule.policy);
    if name.subset.is_empty() {
        return Some(of_policies(policy, None, name.port));
    }
    let subset = subset(rules, &name.subset)?;
    Some(Meaning { labels: subset.labels.clone(), ..of_policies(policy, Some(&subset.policy), name.port) })
}

fn subset<'a>(rules: &[&'a DestinationRule], name: &str) -> Option<&'a Subset> {
    rules.iter().flat_map(|rule| &rule.subsets).find(|subset| subset.name == name)
}

/// What the subset's own policy says wins.
fn of_policies(policy: Option<&TrafficPolicy>, subset: Option<&TrafficPolicy>, port: u16) -> Meaning {
    let tls = |policy: &TrafficPolicy| policy.port_tls.get(&port).copied().or(policy.tls);
    let any = |is: fn(&TrafficPolicy) -> bool| subset.is_some_and(is) || policy.is_some_and(is);
    let locality_priorities = if any(|policy| policy.locality_distribution) {
        Some("a DestinationRule's localityLbSetting")
    } else if any(|policy| policy.outlier_detection) {
        Some("a DestinationRule's outlierDetection")
    } else {
        None
    };
    Meaning {
        labels: Labels::new(),
        tls: subset.and_then(tls).or(policy.and_then(tls)),
        locality_priorities,
        passes_through: any(|policy| policy.passes_through),
    }
}
