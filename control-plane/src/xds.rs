//! xDS v3: who wants what, who has what, and what is due.
//!
//! [`SotwStream`] and [`DeltaStream`] are state machines without a runtime: a request goes in, then whatever is due
//! comes out, one response at a time. Both rest on a [`Subscription`] per type. [`Snapshot`] holds the resources,
//! encoded once. Only [`server`] knows sockets and tasks.
//!
//! The protocol is Envoy's, as its page "xDS REST and gRPC protocol" says. What it leaves open is decided in
//! [`sotw`], [`delta`] and [`subscription`].

pub mod delta;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
pub mod metrics;
pub mod resource;
pub mod response;
pub mod server;
pub mod snapshot;
pub mod sotw;
pub mod status;
pub mod stream;
pub mod subscription;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use delta::DeltaStream;
pub use resource::{Resource, ResourceType, Version};
pub use response::Response;
pub use snapshot::{Lookup, Resources, Snapshot};
pub use sotw::SotwStream;
pub use status::{Rejection, TypeStatus};
pub use stream::{DiscoveryStream, Received, Rejected, Scope};
pub use subscription::Subscription;
