//! Keeping the connections of a group of proxies even: move the excess, only the excess, and stop.
//!
//! [`law`] has the formulas. The controller applies them to one group over time, a group turns reports into what the
//! controller sees and its decisions into directives, and [`groups`] has all of them. None of these knows a clock, a
//! socket or a runtime: time is an argument. Nor does the election in [`leader`], which says who directs. Around them,
//! [`service`] has the lock, the task and the gRPC method.

mod budget;
pub mod clock;
mod controller;
mod group;
pub mod groups;
mod instance;
mod landing;
pub mod law;
pub mod leader;
mod member;
pub mod policies_file;
pub mod policy;
mod refused;
mod report;
mod returning;
mod section;
pub mod service;
pub mod status;
mod steering;

pub use groups::{Groups, Refused};
pub use policy::{Mode, Policies, Policy};
pub use section::{Period, Section};
pub use status::{GroupStatus, MemberStatus, State};
