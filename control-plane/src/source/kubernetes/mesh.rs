//! The mesh that policies and rules make.

use super::destination_rule::DestinationRule;
use super::name::ObjectName;
use super::peer_authentication::PeerAuthentication;
use super::store::Store;
use crate::model::{self, Mesh};
use std::sync::Arc;

/// The mesh of these names with these policies and rules. The oldest come first, as Istio looks at them.
pub fn assemble(names: &Mesh, policies: &Store<PeerAuthentication>, rules: &Store<DestinationRule>) -> Mesh {
    let policies = oldest_first(policies, |policy| &policy.created);
    let rules = oldest_first(rules, |rule| &rule.created);
    Mesh {
        peer_authentications: policies
            .into_iter()
            .map(|(name, policy)| Arc::new(peer_authentication(name, policy)))
            .collect(),
        destination_rules: rules
            .into_iter()
            .map(|(name, rule)| Arc::new(destination_rule(name, rule, &names.domain)))
            .collect(),
        ..names.clone()
    }
}

fn oldest_first<T: Clone + PartialEq>(store: &Store<T>, created: impl Fn(&T) -> &str) -> Vec<(&ObjectName, &T)> {
    let mut objects: Vec<_> = store.iter().collect();
    objects.sort_by(|(name, object), (other, younger)| (created(object), name).cmp(&(created(younger), other)));
    objects
}

fn peer_authentication(name: &ObjectName, policy: &PeerAuthentication) -> model::PeerAuthentication {
    model::PeerAuthentication {
        namespace: name.namespace.to_string(),
        name: name.name.to_string(),
        selector: policy.selector.clone(),
        mode: policy.mode,
        port_modes: policy.port_modes.clone(),
    }
}

fn destination_rule(name: &ObjectName, rule: &DestinationRule, domain: &str) -> model::DestinationRule {
    model::DestinationRule {
        namespace: name.namespace.to_string(),
        name: name.name.to_string(),
        host: host(&rule.host, &name.namespace, domain),
        for_some_clients: rule.for_some_clients,
        selector: rule.selector.clone(),
        without_idle_timeout: rule.without_idle_timeout.clone(),
        policy: rule.policy.clone(),
        subsets: rule.subsets.clone(),
    }
}

/// A name without dots is that of a service in the rule's own namespace.
fn host(host: &str, namespace: &str, domain: &str) -> String {
    if host.contains('.') || host.starts_with('*') {
        return host.to_owned();
    }
    format!("{host}.{namespace}.svc.{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_host_is_of_the_rules_own_namespace() {
        let full = |text| host(text, "shop", "cluster.local");
        assert_eq!(full("reviews"), "reviews.shop.svc.cluster.local");
        for text in ["reviews.other.svc.cluster.local", "*", "*.other.svc.cluster.local", "api.example.com"] {
            assert_eq!(full(text), text);
        }
    }
}
