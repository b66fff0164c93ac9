//! A whole pod of Istio but for its container: the agent beside a real Envoy, with certificates of a real istiod.

mod istio_agent {
    pub mod bed;
    pub mod control_plane;
    pub mod gateway;
    pub mod sidecar;

    mod module;
    mod tls;
}
