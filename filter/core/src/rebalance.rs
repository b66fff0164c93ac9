//! One Envoy's side of the balance: what it reports, and what it drains because it may.
//!
//! To the control plane all VMs of an Envoy are one [`Instance`]: a record that lies in Envoy's shared data, and that each
//! VM reads, changes and writes back as one step, its [`Participant::turn`], at each tick. One of the VMs leads: it is the
//! one that reports. A VM that does not tick any more loses the lead and its part of the gauges; counters never go back.
//!
//! A directive is a permission, counted from the instance's start. [`apportion`] splits what it leaves to do among the
//! workers; a [`token_bucket`] bounds how fast they do it, whatever they are told.

pub mod apportion;
mod counters;
mod instance;
mod participant;
mod peak;
mod schedule;
pub mod token_bucket;
mod worker;

pub use self::counters::Counters;
pub use self::instance::{Followed, Instance};
pub use self::participant::{Participant, Tick, Turn};
pub use self::peak::Peak;
pub use self::worker::WorkerId;

#[cfg(test)]
mod tests;
