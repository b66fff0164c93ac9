//! Beds and clients: what the suites, the demo and the benchmarks are built from.
//!
//! Everything here is a real program or a real server: [`envoy`] runs Envoys, [`control_plane`] our own binary,
//! [`backend`] answers requests and remembers them, [`client`] drives load as the ecosystem's clients do, [`raw_http1`]
//! and [`raw_http2`] watch the wire, [`rebalance_server`] tells the filter what it may drain,
//! [`gateways`] is a whole group behind a balancer. Nothing outlives the value that started it.

pub mod backend;
pub mod bootstrap;
pub mod client;
pub mod control_plane;
pub mod dns;
pub mod envoy;
pub mod example;
pub mod extension_config;
pub mod gateway;
pub mod gateways;
pub mod http_get;
pub mod istio;
pub mod kubernetes;
pub mod network;
pub mod process;
pub mod raw_http1;
pub mod raw_http2;
pub mod rebalance_server;
pub mod relay;
pub mod wait;

pub use evenkeel_bed::{EnvoyVersion, artifact, nginx};
