//! An Envoy outside of the cluster network balances over nodes: behind their ports are real kube-proxies.

mod kubernetes_nodeport {
    mod balance;
    mod bed;
}
