//! Which destinations the control plane can have the endpoints of.
//!
//! A proxy that asks for endpoints and gets none has none: better that the destination stays with istiod, and the status says
//! why. When that changes later the object of the destination goes, and the proxies are back on istiod's endpoints.

use super::Sources;
use crate::eds::{OutboundName, is_answered};
use crate::model::ServiceName;
use crate::policy::endpoints::Endpoints;
use k8s_openapi::api::core::v1::Service;
use std::fmt;

/// A destination that stays with istiod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclinedDestination {
    /// Its cluster.
    pub cluster: OutboundName,
    /// Why.
    pub reason: String,
}

impl fmt::Display for DeclinedDestination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.cluster, self.reason)
    }
}

impl Sources {
    /// Takes those out of the section that stay with istiod.
    pub(super) fn decline(&self, section: &mut Endpoints) -> Vec<DeclinedDestination> {
        let mut declined = Vec::new();
        for destination in std::mem::take(&mut section.destinations) {
            let cluster = destination.cluster();
            match self.check(&cluster) {
                Ok(()) => section.destinations.push(destination),
                Err(reason) => declined.push(DeclinedDestination { cluster, reason }),
            }
        }
        declined
    }

    /// The error is why a destination stays with istiod.
    fn check(&self, cluster: &OutboundName) -> Result<(), String> {
        let name = cluster.service(&self.cluster.mesh.domain).map_err(|declined| declined.to_string())?;
        if !is_answered(cluster, &self.cluster).map_err(|declined| declined.to_string())? {
            return Err(format!("there is no Service {name} with a port {}: correct it", cluster.port));
        }
        self.services.get(&name).and_then(|service| without_endpoints(&name, service)).map_or(Ok(()), Err)
    }
}

/// Istio's clusters of some Services take no endpoints, and Envoy refuses a cluster that is told to.
fn without_endpoints(name: &ServiceName, service: &Service) -> Option<String> {
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return Some(format!("Service {name} is an ExternalName, which has no endpoints"));
    }
    let is_headless = spec.cluster_ip.as_deref() == Some("None");
    is_headless.then(|| format!("Service {name} is headless: sidecars send to the address that the client has chosen"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cluster, DestinationRule, Mesh, Service as Served, ServicePort, Services, TrafficPolicy};
    use crate::policy::testing::sources;
    use std::sync::Arc;

    fn served(name: &str) -> Served {
        Served { ports: vec![ServicePort::new("http", 80)], ..Served::new(ServiceName::new("shop", name)) }
    }

    fn object(name: &str, spec: &str) -> Service {
        serde_saphyr::from_str(&format!("{{metadata: {{name: {name}, namespace: shop}}, spec: {spec}}}")).unwrap()
    }

    /// The only reason against `NAME.shop.svc.cluster.local:80`.
    fn reason(mesh: Mesh, destination: &str) -> Option<String> {
        let services = [
            object("cart", "{clusterIP: 10.96.0.1}"),
            object("db", "{clusterIP: None}"),
            object("pay", "{type: ExternalName}"),
        ];
        let cluster = Cluster {
            services: ["cart", "db", "pay"].map(served).into_iter().collect::<Services>(),
            mesh: Arc::new(mesh),
            ..Cluster::default()
        };
        let sources = Sources { cluster: Arc::new(cluster), ..sources(&[], &services) };
        let mut section: Endpoints = serde_saphyr::from_str(&format!("destinations: [{destination}]")).unwrap();
        let declined = sources.decline(&mut section);
        assert_eq!(section.destinations.len() + declined.len(), 1);
        declined.first().map(|declined| declined.reason.clone())
    }

    #[test]
    fn a_service_with_endpoints_is_taken_over() {
        assert_eq!(reason(Mesh::default(), "{host: cart.shop.svc.cluster.local, port: 80}"), None);
    }

    #[test]
    fn what_has_no_endpoints_of_its_own_stays_with_istiod() {
        for (destination, words) in [
            ("{host: cart, port: 80}", "is no Kubernetes Service"),
            ("{host: lost.shop.svc.cluster.local, port: 80}", "no Service shop/lost with a port 80"),
            ("{host: cart.shop.svc.cluster.local, port: 81}", "no Service shop/cart with a port 81"),
            ("{host: db.shop.svc.cluster.local, port: 80}", "shop/db is headless"),
            ("{host: pay.shop.svc.cluster.local, port: 80}", "shop/pay is an ExternalName"),
            ("{host: cart.shop.svc.cluster.local, port: 80, subset: v1}", "no DestinationRule defines the subset"),
        ] {
            let reason = reason(Mesh::default(), destination).unwrap_or_default();
            assert!(reason.contains(words), "{destination}: {reason}");
        }
    }

    #[test]
    fn a_rule_that_passes_connections_through_leaves_nothing_to_take_over() {
        let policy = TrafficPolicy { passes_through: true, ..TrafficPolicy::default() };
        let host = "cart.shop.svc.cluster.local".to_owned();
        let rule = DestinationRule { namespace: "shop".to_owned(), host, policy, ..DestinationRule::default() };
        let mesh = Mesh { destination_rules: vec![Arc::new(rule)], ..Mesh::default() };
        let reason = reason(mesh, "{host: cart.shop.svc.cluster.local, port: 80}").unwrap();
        assert!(reason.contains("PASSTHROUGH"), "{reason}");
    }
}
