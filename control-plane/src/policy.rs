//! `ConnectionPolicy`: what an operator wants for the connections of one Service, and the Istio objects that carry it out.
//!
//! [`render`] is a pure function: a policy, its Service and the release in, objects out, the same bytes each time.
//! [`plan`] says which of a cluster's policies hold, [`reconcile`] what to do so that the cluster has what they want,
//! [`status`] what is said of them. None of these talks to anybody; [`operator`] does.

mod claims;
mod conflicts;
mod endpoints;
pub mod manifests;
mod notices;
pub mod operator;
mod outbound;
pub mod plan;
pub mod reconcile;
pub mod render;
mod resource;
mod sections;
pub mod seen;
pub mod status;
#[cfg(test)]
mod testing;

pub use endpoints::{Destination, Endpoints};
pub use outbound::Outbound;
pub use resource::{ConnectionPolicy, ConnectionPolicySpec, TargetRef};
pub use status::ConnectionPolicyStatus;
