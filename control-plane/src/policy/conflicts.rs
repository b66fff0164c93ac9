//! Which of several policies holds where only one can.
//!
//! A proxy has each of our filters once, so the pods behind two Services may be under one policy only. The oldest holds,
//! as with the policies of the Gateway API: <https://gateway-api.sigs.k8s.io/geps/gep-713/#conflict-resolution>.

use crate::model::ServiceName;
use k8s_openapi::api::core::v1::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// The pods that a policy wants to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Through this Service.
    pub service: ServiceName,
    /// With these labels.
    pub selector: BTreeMap<String, String>,
    /// At these addresses, as far as they are known.
    pub addresses: BTreeSet<IpAddr>,
}

/// Why two claims cannot both hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// They name the same Service.
    Service(ServiceName),
    /// The other's Service selects some of the same pods.
    Pods(ServiceName),
}

impl Claim {
    /// The pods of a Service, of which some have these addresses.
    pub fn new(service: ServiceName, object: &Service, addresses: BTreeSet<IpAddr>) -> Self {
        let selector = object.spec.as_ref().and_then(|spec| spec.selector.clone()).unwrap_or_default();
        Self { service, selector, addresses }
    }

    /// Whether this claim and an earlier one are for some of the same pods.
    pub fn overlap(&self, earlier: &Self) -> Option<Overlap> {
        if self.service == earlier.service {
            return Some(Overlap::Service(earlier.service.clone()));
        }
        let same_namespace = self.service.namespace == earlier.service.namespace;
        let same_pods = self.covers(earlier) || earlier.covers(self) || !self.addresses.is_disjoint(&earlier.addresses);
        (same_namespace && same_pods).then(|| Overlap::Pods(earlier.service.clone()))
    }

    /// Whether it is for every pod of the other, those that will come as well.
    fn covers(&self, other: &Self) -> bool {
        !self.selector.is_empty() && self.selector.iter().all(|(key, value)| other.selector.get(key) == Some(value))
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(formatter, "it is for Service {service} as well"),
            Self::Pods(service) => write!(formatter, "its Service {service} selects some of the same pods"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(service: &str, labels: &[(&str, &str)], addresses: &[&str]) -> Claim {
        Claim {
            service: ServiceName::new("shop", service),
            selector: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn a_service_has_one_policy() {
        let one = claim("cart", &[("app", "cart")], &[]);
        assert_eq!(one.overlap(&one.clone()).unwrap().to_string(), "it is for Service shop/cart as well");
    }

    #[test]
    fn services_of_the_same_pods_share_a_policy() {
        let all = claim("cart", &[("app", "cart")], &[]);
        let canary = claim("cart-canary", &[("app", "cart"), ("track", "canary")], &[]);
        let why = "its Service shop/cart selects some of the same pods";
        assert_eq!(canary.overlap(&all).unwrap().to_string(), why);
        assert!(all.overlap(&canary).is_some());
    }

    #[test]
    fn labels_that_may_meet_do_when_there_is_such_a_pod() {
        let (red, large) = (&[("colour", "red")][..], &[("size", "large")][..]);
        let apart = claim("red", red, &["10.0.0.1"]).overlap(&claim("large", large, &["10.0.0.2"]));
        assert_eq!(apart, None);
        let together = claim("red", red, &["10.0.0.1", "10.0.0.3"]).overlap(&claim("large", large, &["10.0.0.3"]));
        assert_eq!(together, Some(Overlap::Pods(ServiceName::new("shop", "large"))));
    }

    #[test]
    fn namespaces_are_apart() {
        let here = claim("cart", &[("app", "cart")], &[]);
        let there = Claim { service: ServiceName::new("other", "cart"), ..here.clone() };
        assert_eq!(here.overlap(&there), None);
    }
}
