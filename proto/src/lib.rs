//! Wire formats, each defined once and shared by both sides.
//!
//! - [`rebalance`]: what proxies report and what they are told, `evenkeel/rebalance/v1/rebalance.proto`.
//! - `envoy`, `google` (feature `xds`): the parts of Envoy's xDS v3 that Evenkeel speaks, with Envoy's package names and
//!   field numbers. The messages are defined in `xds/`, field by field, and only those fields that Evenkeel reads or writes:
//!   a receiver skips what it does not know. They are wire-compatible with Envoy's own definitions.
#![forbid(unsafe_code)]

#[allow(missing_docs, clippy::all, clippy::pedantic, unused_qualifications)]
mod generated {
    pub mod rebalance {
        include!(concat!(env!("OUT_DIR"), "/rebalance/mod.rs"));
    }
    #[cfg(feature = "xds")]
    pub mod xds {
        include!(concat!(env!("OUT_DIR"), "/xds/mod.rs"));
    }
}

pub use generated::rebalance::evenkeel::rebalance::v1 as rebalance;
#[cfg(feature = "xds")]
pub use generated::xds::{envoy, google};

/// The encoded `google.protobuf.FileDescriptorSet` of the rebalance service.
pub const REBALANCE_FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rebalance/descriptors"));

/// An encoded `google.protobuf.FileDescriptorSet` of everything in `xds/`: services and messages with the fields that
/// Evenkeel knows, which are not all that Envoy's have.
#[cfg(feature = "xds")]
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/xds/descriptors"));

/// The type URL of [`ClusterLoadAssignment`](envoy::config::endpoint::v3::ClusterLoadAssignment), the resource of EDS.
#[cfg(feature = "xds")]
pub const CLUSTER_LOAD_ASSIGNMENT: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
/// The type URL of [`Cluster`](envoy::config::cluster::v3::Cluster), the resource of CDS.
#[cfg(feature = "xds")]
pub const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
/// The type URL of [`Listener`](envoy::config::listener::v3::Listener), the resource of LDS.
#[cfg(feature = "xds")]
pub const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
/// The type URL of [`RouteConfiguration`](envoy::config::route::v3::RouteConfiguration), the resource of RDS.
#[cfg(feature = "xds")]
pub const ROUTE_CONFIGURATION: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
