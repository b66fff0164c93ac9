//! What a gRPC client needs, beside endpoints, to balance without a proxy: channels to `xds:///SERVICE.NAMESPACE:PORT`.
//!
//! Such a client asks for the listener that its target names; the listener leads to routes, those to a cluster, and the
//! cluster to the view `pods/` of the service, which all clients share. Which fields count is said in gRPC's proposals
//! [A27](https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md) and
//! [A28](https://github.com/grpc/proposal/blob/master/A28-xds-traffic-splitting-and-routing.md).
//!
//! gRPC clients name what they ask for. An Envoy may ask for all clusters, and use them. If it asks for all listeners it is
//! sent them, too, as the protocol says: it accepts the response, can use none of them and logs a warning for each, so it
//! should be given no `lds_config` for this server.
//!
//! A port that does not exist has no resources. The clients learn that at once only of what they had before; of a name
//! that is new to them they wait 15 s before they fail calls, by the rule of xDS that a resource may still be on its way.

mod resources;
mod target;
mod targets;

pub use targets::Targets;

#[cfg(test)]
mod tests;
