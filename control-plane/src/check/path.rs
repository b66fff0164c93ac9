//! EK09: who holds the clients' connections.
//!
//! No answer of the admin port says who is at the other end of a connection. What can be seen is what was written for that
//! case, so both findings say what they infer from.

use super::envoy::{Envoy, Node, Role};
use super::finding::{Finding, Place, rules};
use super::installation::{Chain, Installation, Side};

rules! {
    INGRESS_BEHIND "EK0901" Warning "this sidecar, and not the ingress behind it, holds the clients' connections"
        "Clients connect to the sidecar: limits of the ingress itself (`keepalive_requests`, `maxAge`) only end its connections with this sidecar, and clients keep theirs for ever."
        "Apply the ConnectionPolicy to the Service of the ingress, so that `evenkeel.connection` comes into this sidecar's inbound chains (context SIDECAR_INBOUND), or exclude the ports from redirection (annotation traffic.sidecar.istio.io/excludeInboundPorts) and cap in the ingress.";
    PROXY_IN_FRONT "EK0902" Info "another proxy in front holds the clients' connections"
        "What is drained here are the connections of that proxy, which it opens anew for other requests; clients notice nothing, and their own connections are not capped."
        "Nothing, if the connections of that proxy should be even over these pods. For caps on clients' connections put them into that proxy.";
}

/// What names of workloads and containers of ingresses have in them.
const INGRESSES: [&str; 9] =
    ["ingress", "gateway", "nginx", "traefik", "haproxy", "kong", "contour", "envoy", "apisix"];

/// What is to be said.
pub fn findings(installation: &Installation<'_>) -> Vec<Finding> {
    let envoy = installation.envoy;
    let mut found: Vec<Finding> = ingress_behind(installation, envoy).into_iter().collect();
    found.extend(proxies_in_front(&installation.chains));
    found
}

fn ingress_behind(installation: &Installation<'_>, envoy: &Envoy) -> Option<Finding> {
    let node = envoy.node();
    let is_capped = |chain: &Chain<'_>| chain.side == Side::Inbound && !chain.connection.is_empty();
    if node.role() != Role::Sidecar || installation.chains.iter().any(is_capped) {
        return None;
    }
    let name = ingress(node)?;
    let inferred =
        format!("the node says that it is a sidecar, and that it is beside {name:?}, which sounds like an ingress");
    Some(INGRESS_BEHIND.at(&Place::default(), inferred))
}

/// A container or the workload that sounds like one.
fn ingress(node: Node<'_>) -> Option<&str> {
    let names = node.app_containers().split(',').chain([node.workload()]);
    names.map(str::trim).find(|name| INGRESSES.iter().any(|ingress| name.contains(ingress)))
}

fn proxies_in_front<'a>(chains: &'a [Chain<'_>]) -> impl Iterator<Item = Finding> + 'a {
    let capped = chains.iter().filter(|chain| chain.side == Side::Inbound && !chain.connection.is_empty());
    capped.filter_map(|chain| {
        let hops = chain.http.as_ref().map(|(_, http)| http.manager.trusted_hops()).filter(|hops| *hops > 0)?;
        let inferred =
            format!("xff_num_trusted_hops is {hops}: so many proxies in front are trusted to name the client");
        Some(PROXY_IN_FRONT.at(&chain.place, inferred))
    })
}
