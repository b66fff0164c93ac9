//! gRPC clients that balance by themselves: what `xds:///` gives them, and what `dns:///` does not.
//!
//! The clients are grpc-go and gRPC's C core (grpcio) as they are published; nothing of ours is in them.

#[macro_use]
#[path = "proxyless/clients.rs"]
mod clients;
#[path = "proxyless/absence.rs"]
mod absence;
#[path = "proxyless/envoy.rs"]
mod envoy;
#[path = "proxyless/greeter.rs"]
mod greeter;
#[path = "proxyless/scaling.rs"]
mod scaling;
