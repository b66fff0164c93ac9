//! The parts of Envoy's xDS v3 that Evenkeel speaks, with Envoy's package names and field numbers.
//!
//! The messages are defined in `xds/`, field by field, and only those fields that Evenkeel reads or writes: a receiver
//! skips what it does not know. They are wire-compatible with Envoy's own definitions.
#![forbid(unsafe_code)]

#[allow(missing_docs, clippy::all, clippy::pedantic, unused_qualifications)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/xds.rs"));
}

pub use generated::{envoy, google};

/// An encoded `google.protobuf.FileDescriptorSet` of everything in `xds/`: services and messages with the fields that
/// Evenkeel knows, which are not all that Envoy's have.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/xds.descriptors"));

/// The type URL of [`ClusterLoadAssignment`](envoy::config::endpoint::v3::ClusterLoadAssignment), the resource of EDS.
pub const CLUSTER_LOAD_ASSIGNMENT: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
/// The type URL of [`Cluster`](envoy::config::cluster::v3::Cluster), the resource of CDS.
pub const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
/// The type URL of [`Listener`](envoy::config::listener::v3::Listener), the resource of LDS.
pub const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
/// The type URL of [`RouteConfiguration`](envoy::config::route::v3::RouteConfiguration), the resource of RDS.
pub const ROUTE_CONFIGURATION: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
