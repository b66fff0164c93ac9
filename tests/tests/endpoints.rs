//! Envoy's endpoints come from our control plane: by a stream for each cluster or by the aggregated one, as the state of
//! the world or as what has changed, with each supported Envoy.

mod endpoints {
    #[macro_use]
    pub mod transport;

    pub mod cluster_file;
    pub mod metric;
    pub mod proxy;
    pub mod traffic;

    mod following;
    mod hang;
    mod many;
    mod outage;
    mod rejection;
    mod replicas;
}
