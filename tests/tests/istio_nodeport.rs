//! The whole path: a balancer outside keeps connections to node ports, kube-proxies spread them over pods whose proxies
//! istiod configures, and a `ConnectionPolicy` of the cluster moves them when pods are added.
//!
//! The proxies are gateways, or the sidecars of an application, to which Istio's own rules redirect what comes to it.

mod istio_nodeport {
    mod balance;
    mod bed;
    mod clients;
    mod members;
    mod place;
}
