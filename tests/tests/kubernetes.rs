//! Endpoints come from a real Kubernetes API server, under the role that is shipped, and real Envoys send by them.

mod kubernetes {
    #[macro_use]
    pub mod bed;

    pub mod cluster;
    pub mod fake_api_server;
    pub mod gateway;
    pub mod replica;

    mod balance;
    mod leader;
    mod malformed;
    mod outage;
    mod permissions;
    mod scaling;
}
