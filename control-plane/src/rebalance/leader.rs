//! Which replica directs: the one that holds a Kubernetes Lease.
//!
//! [`election`] decides, as client-go's leader election does. Around it, one task reads and writes the Lease, another
//! keeps a label on this replica's own pod, by which a Service finds the leader.

pub mod election;
mod label;
mod lease;

pub use election::{Election, Timing, TimingError};
pub use label::{LABEL, PodLabel};
pub use lease::{Candidate, Lock};

use evenkeel_filter_core::Time;
use tokio::sync::watch;

/// A term in which this replica leads, and when it ends if nothing renews it; or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership(Option<Term>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Term {
    number: u64,
    until: Time,
}

/// The leadership as it is known now. It ends by itself: whoever acts on it compares it with the clock.
pub type Led = watch::Receiver<Leadership>;

impl Leadership {
    /// Of the only replica.
    pub const ALWAYS: Self = Self(Some(Term { number: 0, until: Time::NEVER }));
    /// Another replica leads, or none.
    pub const NONE: Self = Self(None);

    /// The term of this number, until this time.
    pub fn until(number: u64, time: Time) -> Self {
        Self(Some(Term { number, until: time }))
    }

    /// The number of the term if this replica leads now. Between two numbers another may have led.
    pub fn term(self, now: Time) -> Option<u64> {
        self.0.filter(|term| now < term.until).map(|term| term.number)
    }

    /// When it ends if it is not renewed; [`Time::NEVER`] if that will not happen, or nothing can end.
    pub fn end(self) -> Time {
        self.0.map_or(Time::NEVER, |term| term.until)
    }
}
