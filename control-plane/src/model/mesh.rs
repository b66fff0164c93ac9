//! What Istio's own resources say about the way to a service, as far as endpoints depend on it.

use super::Labels;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The mesh that the services are part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mesh {
    /// The domain of the services' names, such as `cluster.local`.
    pub domain: String,
    /// The name of the Kubernetes cluster in the mesh.
    pub cluster_id: String,
    /// The namespace whose policies hold for the whole mesh.
    pub root_namespace: String,
    /// Whether there may be services that the source was told not to look at.
    pub narrowed: bool,
    /// How workloads expect to be called, the oldest first.
    pub peer_authentications: Vec<Arc<PeerAuthentication>>,
    /// How clients call services, the oldest first.
    pub destination_rules: Vec<Arc<DestinationRule>>,
}

impl Default for Mesh {
    /// A mesh with Istio's default names and without policies.
    fn default() -> Self {
        Self {
            domain: "cluster.local".to_owned(),
            cluster_id: "Kubernetes".to_owned(),
            root_namespace: "istio-system".to_owned(),
            narrowed: false,
            peer_authentications: Vec::new(),
            destination_rules: Vec::new(),
        }
    }
}

impl Mesh {
    /// The rules for a host, by the namespaces that they are in, the oldest first.
    ///
    /// A client follows those of its own namespace, else those of the service's, else those of the root namespace. A host is
    /// more specific than a wildcard, and a long wildcard more than a short one; rules for one host are merged.
    pub fn rules_for(&self, host: &str) -> BTreeMap<&str, Vec<&DestinationRule>> {
        let mut namespaces: BTreeMap<&str, Vec<&DestinationRule>> = BTreeMap::new();
        for rule in self.destination_rules.iter().filter(|rule| rule.is_for(host)) {
            namespaces.entry(&rule.namespace).or_default().push(rule);
        }
        namespaces.values_mut().for_each(keep_most_specific);
        namespaces
    }
}

fn keep_most_specific(rules: &mut Vec<&DestinationRule>) {
    let specific = |host: &str| (Reverse(host.starts_with('*')), host.len());
    let Some(most) = rules.iter().map(|rule| rule.host.as_str()).max_by_key(|host| specific(host)) else { return };
    rules.retain(|rule| rule.host == most);
}

impl DestinationRule {
    /// Whether it is for this host.
    pub fn is_for(&self, host: &str) -> bool {
        self.host == host || self.host.strip_prefix('*').is_some_and(|suffix| host.ends_with(suffix))
    }
}

/// How workloads of a namespace expect to be called: a `PeerAuthentication`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerAuthentication {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The labels of the pods that it is for; of all in the namespace if empty.
    pub selector: Labels,
    /// What it says; `None` leaves it to the next wider policy.
    pub mode: Option<MutualTlsMode>,
    /// What it says about single ports of the pods. It counts only with a selector.
    pub port_modes: BTreeMap<u16, Option<MutualTlsMode>>,
}

/// Whether a workload takes mutual TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MutualTlsMode {
    /// It takes clear text only.
    Disable,
    /// It takes both.
    Permissive,
    /// It takes mutual TLS only.
    Strict,
}

/// How clients call a host: a `DestinationRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationRule {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The host with its domain, or a wildcard such as `*.example.com`.
    pub host: String,
    /// Whether only some clients follow it: it selects workloads, or is not exported to all namespaces.
    pub for_some_clients: bool,
    /// The labels of the clients that it selects; of all if empty.
    pub selector: Labels,
    /// The fields that it would take so that every idle connection ends by it.
    pub without_idle_timeout: Vec<String>,
    /// What holds for all subsets.
    pub policy: TrafficPolicy,
    /// The subsets.
    pub subsets: Vec<Subset>,
}

/// Some of the pods of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subset {
    /// The name.
    pub name: String,
    /// The labels of its pods.
    pub labels: Labels,
    /// What holds for it alone.
    pub policy: TrafficPolicy,
}

/// The parts of a `TrafficPolicy` that endpoints depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficPolicy {
    /// TLS to all ports.
    pub tls: Option<ClientTlsMode>,
    /// TLS to single ports of the service.
    pub port_tls: BTreeMap<u16, ClientTlsMode>,
    /// Whether hosts are ejected, which is when Istio prefers near localities.
    pub outlier_detection: bool,
    /// Whether traffic is distributed over localities by rule.
    pub locality_distribution: bool,
    /// Whether connections go to the address that the client has chosen, and to no endpoint.
    pub passes_through: bool,
}

/// The `tls.mode` of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTlsMode {
    /// Clear text.
    Disable,
    /// TLS.
    Simple,
    /// TLS with a client certificate of the rule.
    Mutual,
    /// TLS with the workload's own certificate.
    IstioMutual,
}
