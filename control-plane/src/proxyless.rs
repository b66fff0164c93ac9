//! What a gRPC client needs, beside endpoints, to balance without a proxy: channels to `xds:///SERVICE.NAMESPACE:PORT`.
//!
//! Such a client asks for the listener that its target names; the listener leads to routes, those to a cluster, and the
//! cluster to the view `pods/` of the service, which all clients share. Which fields count is said in gRPC's proposals
//! [A27](https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md) and
//! [A28](https://github.com/grpc/proposal/blob/master/A28-xds-traffic-splitting-and-routing.md).

mod resources;
mod target;
mod targets;

pub use targets::Targets;

#[cfg(test)]
mod tests;
