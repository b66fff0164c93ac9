//! `ConnectionPolicy`: what an operator wants for the connections of one Service, and the Istio objects that carry it out.
//!
//! [`render`] is a pure function: a policy, its Service and the release in, objects out, the same bytes each time.

pub mod manifests;
pub mod render;
mod resource;

pub use resource::{ConnectionPolicy, ConnectionPolicySpec, TargetRef};
