//! Keeping the connections of a group of proxies even: move the excess, only the excess, and stop.
//!
//! [`law`] has the formulas. The controller applies them to one group over time, a group turns reports into what the
//! controller sees and its decisions into directives, and [`groups`] has all of them. None of these knows a clock, a
//! socket or a runtime: time is an argument.

mod budget;
mod controller;
mod group;
pub mod groups;
mod instance;
mod landing;
pub mod law;
mod member;
pub mod policy;
mod refused;
mod report;
mod returning;
pub mod status;
mod steering;
pub mod trust;

pub use groups::{Groups, Refused};
pub use policy::{Mode, Policies, Policy};
pub use status::{GroupStatus, MemberStatus, State};
