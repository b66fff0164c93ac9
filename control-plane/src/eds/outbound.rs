//! The endpoints of a destination as istiod would send them: `outbound|PORT|SUBSET|HOST`.
//!
//! A sidecar that takes one destination's endpoints from here keeps the rest of its configuration from istiod, so
//! hosts must carry the same metadata: `tlsMode` decides whether Envoy speaks mutual TLS with a host, `workload` names
//! the host in telemetry. Where istiod's answer would depend on who asks, or is made of what is not read here, the
//! destination is declined: a wrong answer would be worse than none.

mod name;
mod peer_authentication;
mod rules;

pub use name::OutboundName;

use super::hosts::{Host, Hosts, Identity};
use super::pods::ready;
use crate::model::{ClientTlsMode, Cluster, Endpoint, Labels, Mesh, MutualTlsMode, Service, ServicePort};
use peer_authentication::mutual_tls_mode;
use rules::{Meaning, Rules};
use std::collections::BTreeSet;
use std::iter;
use std::net::SocketAddr;

/// The pod's label that says whether its sidecar takes mutual TLS.
const TLS_MODE: &str = "security.istio.io/tlsMode";
/// Its value for a sidecar that does.
const ISTIO: &str = "istio";
/// Its value for a pod without one.
const DISABLED: &str = "disabled";
/// The pod's label, and its value, for a pod that is reached through a tunnel.
const TUNNEL: (&str, &str) = ("networking.istio.io/tunnel", "http");

/// Why a destination is not answered for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Declined {
    /// Istio finds its endpoints elsewhere.
    #[error("{host:?} is no Kubernetes Service of the domain {domain:?}; leave this destination to istiod")]
    NoService {
        /// The host.
        host: String,
        /// The domain of Services.
        domain: String,
    },
    /// It may exist.
    #[error("{0} is not among the Services that are watched; widen --namespace and --selector")]
    NotWatched(String),
    /// Nothing defines the subset.
    #[error("no DestinationRule defines the subset {0:?} of this host")]
    NoSubset(String),
    /// Clients see different rules.
    #[error("what DestinationRule {0} says about this destination holds for some clients only")]
    DependsOnClient(String),
    /// Locality load balancing makes priorities for each client.
    #[error("its localities get priorities that depend on where the client is, because of {0}")]
    Priorities(&'static str),
    /// Clients may use the endpoints on their own node only.
    #[error("with internalTrafficPolicy Local the endpoints depend on the client's node")]
    NodeLocal,
    /// Istio's cluster takes no endpoints.
    #[error("a DestinationRule sends to the address that the client has chosen (loadBalancer.simple PASSTHROUGH)")]
    PassesThrough,
    /// Draining endpoints are sent to keep sessions.
    #[error("persistent sessions need endpoints that drain, which are left out here")]
    PersistentSessions,
    /// Istio reaches a pod through a tunnel.
    #[error("pod {0} is reached through a tunnel (ambient mode)")]
    Tunnel(SocketAddr),
}

/// The hosts of a destination; none if its service or port does not exist.
pub fn hosts<'a>(name: &OutboundName, cluster: &'a Cluster) -> Result<Hosts<'a>, Declined> {
    let Some((meaning, endpoints)) = destination(name, cluster)? else { return Ok(Hosts::default()) };
    let host = |address, endpoint| host(&cluster.mesh, &meaning, address, endpoint);
    Ok(endpoints.into_iter().map(|(address, endpoint)| (address, host(address, endpoint))).collect())
}

/// What rules mean for a destination, and where its endpoints are; `None` if its service or port does not exist.
#[expect(clippy::type_complexity, reason = "both are looked at at once, and by nobody else")]
fn destination<'a>(
    name: &OutboundName,
    cluster: &'a Cluster,
) -> Result<Option<(Meaning, Vec<(SocketAddr, &'a Endpoint)>)>, Declined> {
    let mesh = &cluster.mesh;
    let Some(service) = cluster.services.get(&name.service(&mesh.domain)?) else {
        return if mesh.narrowed { Err(Declined::NotWatched(name.host.clone())) } else { Ok(None) };
    };
    let Some(port) = service.ports.iter().find(|port| port.port == name.port) else { return Ok(None) };
    same_for_all_clients(service)?;
    let meaning = Rules::of(mesh, name, &service.name.namespace).meaning(name)?;
    if meaning.passes_through {
        return Err(Declined::PassesThrough);
    }
    let endpoints = endpoints(service, port, &meaning.labels);
    destination_is_plain(service, &endpoints, &meaning)?;
    Ok(Some((meaning, endpoints)))
}

/// Whether a destination exists, or why it is not answered for.
pub fn is_answered(name: &OutboundName, cluster: &Cluster) -> Result<bool, Declined> {
    Ok(destination(name, cluster)?.is_some())
}

/// The names of all destinations that a service is.
pub fn names<'a>(service: &'a Service, mesh: &'a Mesh) -> impl Iterator<Item = String> + 'a {
    let host = OutboundName::host(&service.name, &mesh.domain);
    let subsets: BTreeSet<String> = iter::once(String::new()).chain(rules::subsets(mesh, &host)).collect();
    service.ports.iter().flat_map(move |port| {
        let name = |subset: &String| OutboundName { port: port.port, subset: subset.clone(), host: host.clone() };
        subsets.iter().map(|subset| name(subset).to_string()).collect::<Vec<_>>()
    })
}

fn same_for_all_clients(service: &Service) -> Result<(), Declined> {
    if service.traffic.node_local {
        return Err(Declined::NodeLocal);
    }
    if service.traffic.persistent_sessions {
        return Err(Declined::PersistentSessions);
    }
    Ok(())
}

/// A pod is held back until it is known: without its labels nobody knows whether it takes mutual TLS.
fn endpoints<'a>(service: &'a Service, port: &ServicePort, subset: &Labels) -> Vec<(SocketAddr, &'a Endpoint)> {
    let of_subset = |endpoint: &Endpoint| {
        let label = |name: &String| endpoint.workload.as_ref().and_then(|workload| workload.labels.get(name));
        subset.iter().all(|(name, value)| label(name) == Some(value))
    };
    ready(service, port).filter(|(_, endpoint)| !endpoint.awaits_pod && of_subset(endpoint)).collect()
}

fn destination_is_plain(
    service: &Service,
    endpoints: &[(SocketAddr, &Endpoint)],
    meaning: &Meaning,
) -> Result<(), Declined> {
    let tunnel = endpoints
        .iter()
        .find(|(_, endpoint)| label(endpoint, TUNNEL.0) == Some(TUNNEL.1) && label(endpoint, TLS_MODE) != Some(ISTIO));
    if let Some((address, _)) = tunnel {
        return Err(Declined::Tunnel(*address));
    }
    let first = endpoints.first().map(|(_, endpoint)| &endpoint.locality);
    if endpoints.iter().all(|(_, endpoint)| Some(&endpoint.locality) == first) {
        return Ok(());
    }
    match (service.traffic.prefers_near, meaning.locality_priorities) {
        (true, _) => Err(Declined::Priorities("the Service's trafficDistribution")),
        (false, Some(reason)) => Err(Declined::Priorities(reason)),
        (false, None) => Ok(()),
    }
}

fn host<'a>(mesh: &'a Mesh, meaning: &Meaning, address: SocketAddr, endpoint: &'a Endpoint) -> Host<'a> {
    let identity = endpoint.workload.as_deref().map(|workload| Identity {
        tls_mode: tls_mode(mesh, meaning, address.port(), endpoint),
        workload,
        cluster_id: &mesh.cluster_id,
    });
    Host { locality: &endpoint.locality, weight: endpoint.weight.get(), identity }
}

/// The value of the pod's label, if clients are to use mutual TLS.
fn tls_mode<'a>(mesh: &Mesh, meaning: &Meaning, port: u16, endpoint: &'a Endpoint) -> Option<&'a str> {
    let workload = endpoint.workload.as_deref()?;
    let label = label(endpoint, TLS_MODE).filter(|mode| *mode != DISABLED && !mode.is_empty())?;
    let mutual = match meaning.tls {
        Some(mode) => mode == ClientTlsMode::IstioMutual,
        None => label == ISTIO && mutual_tls_mode(mesh, workload, port) != MutualTlsMode::Disable,
    };
    mutual.then_some(label)
}

fn label<'a>(endpoint: &'a Endpoint, name: &str) -> Option<&'a str> {
    endpoint.workload.as_ref()?.labels.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests;
