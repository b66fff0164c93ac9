//! The whole path: a balancer outside keeps connections to node ports, kube-proxies spread them over gateways that istiod
//! configures, and a `ConnectionPolicy` of the cluster moves them when gateways are added.

mod istio_nodeport {
    mod balance;
    mod bed;
    mod clients;
    mod gateways;
}
