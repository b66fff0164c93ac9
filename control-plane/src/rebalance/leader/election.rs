//! Who leads, decided by what the Lease says, without a clock and without the API:
//! <https://kubernetes.io/docs/concepts/architecture/leases/>.
//!
//! Clocks of machines differ, so times in a Lease are for people only. A candidate watches whether the Lease changes: one
//! that has not changed for its own duration, by the candidate's clock, is free. Whoever holds it counts its own time from
//! before it asked for the renewal, and stops earlier than others begin.

use super::Leadership;
use evenkeel_filter_core::Time;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;

/// How long things take. The defaults are client-go's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A Lease that was not renewed for so long is free. Whole seconds.
    pub lease: Duration,
    /// Whoever could not renew for so long does not lead any more. Shorter than `lease`.
    pub renew_deadline: Duration,
    /// Between two attempts to get the Lease or to renew it. Shorter than `renew_deadline`.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let [lease, renew_deadline, retry] = [15, 10, 2].map(Duration::from_secs);
        Self { lease, renew_deadline, retry }
    }
}

/// Durations that do not go together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimingError {
    /// The API has seconds.
    #[error("the lease duration {0:?} is not a whole number of seconds from 1s to 1h; take 15s")]
    Lease(Duration),
    /// Two would lead at one time.
    #[error("the renew deadline {0:?} is not shorter than the lease duration {1:?}; with 15s take 10s")]
    RenewDeadline(Duration, Duration),
    /// There would be no second attempt.
    #[error("the retry period {0:?} is 0 or more than half of the renew deadline {1:?}; with 10s take 2s")]
    Retry(Duration, Duration),
}

impl Timing {
    /// Whether at most one can lead, and a lost request does no harm.
    pub fn check(self) -> Result<Self, TimingError> {
        let Self { lease, renew_deadline, retry } = self;
        if lease.subsec_nanos() != 0 || !(1..=3600).contains(&lease.as_secs()) {
            return Err(TimingError::Lease(lease));
        }
        if renew_deadline >= lease {
            return Err(TimingError::RenewDeadline(renew_deadline, lease));
        }
        if retry.is_zero() || 2 * retry > renew_deadline {
            return Err(TimingError::Retry(retry, renew_deadline));
        }
        Ok(self)
    }
}

/// One candidate's view of the Lease.
#[derive(Debug)]
pub struct Election {
    identity: String,
    timing: Timing,
    /// What the Lease says, and since when, by our clock.
    observed: Option<(LeaseSpec, Time)>,
    term: u64,
    until: Option<Time>,
}

impl Election {
    /// A candidate with a name that no other has, also not its own predecessor.
    pub fn new(identity: String, timing: Timing) -> Self {
        Self { identity, timing, observed: None, term: 0, until: None }
    }

    /// The Lease says this, or does not exist.
    pub fn observe(&mut self, now: Time, lease: Option<LeaseSpec>) {
        if lease.as_ref() != self.observed.as_ref().map(|(known, _)| known) {
            self.observed = lease.map(|lease| (lease, now));
        }
    }

    /// What to write to get or keep the Lease; `None` while it is another's. `wall` is the time of day.
    pub fn bid(&self, now: Time, wall: Timestamp) -> Option<LeaseSpec> {
        let Some((lease, since)) = &self.observed else { return Some(self.hold(wall, None, 0)) };
        let transitions = lease.lease_transitions.unwrap_or(0);
        match lease.holder_identity.as_deref() {
            Some(holder) if holder == self.identity => Some(self.hold(wall, lease.acquire_time.clone(), transitions)),
            Some(holder) if !holder.is_empty() && now < since.plus(self.duration(lease)) => None,
            _ => Some(self.hold(wall, None, transitions.saturating_add(1))),
        }
    }

    /// A bid that was begun at `begun` has been written.
    pub fn written(&mut self, begun: Time, lease: LeaseSpec) {
        self.observed = Some((lease, begun));
        // After a gap another may have led, also if this replica has the Lease again.
        self.term += u64::from(self.until.is_none_or(|until| until <= begun));
        self.until = Some(begun.plus(self.timing.renew_deadline));
    }

    /// What to write when this replica ends, so that another can lead at once; `None` if there is nothing to give up.
    pub fn release(&mut self, wall: Timestamp) -> Option<LeaseSpec> {
        self.until = None;
        let (lease, _) = self.observed.as_ref().filter(|(lease, _)| self.is_holder(lease))?;
        let now = Some(MicroTime(wall));
        Some(LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            acquire_time: now.clone(),
            renew_time: now,
            ..lease.clone()
        })
    }

    /// Whether this replica leads, and until when if it does not renew.
    pub fn leadership(&self) -> Leadership {
        self.until.map_or(Leadership::NONE, |until| Leadership::until(self.term, until))
    }

    /// Who holds the Lease, as far as it is known; empty if nobody does.
    pub fn holder(&self) -> &str {
        self.observed.as_ref().and_then(|(lease, _)| lease.holder_identity.as_deref()).unwrap_or_default()
    }

    fn is_holder(&self, lease: &LeaseSpec) -> bool {
        lease.holder_identity.as_ref() == Some(&self.identity)
    }

    fn hold(&self, wall: Timestamp, acquired: Option<MicroTime>, transitions: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.timing.lease.as_secs()).ok(),
            acquire_time: acquired.or(Some(MicroTime(wall))),
            renew_time: Some(MicroTime(wall)),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    /// The holder decides how long it holds; replicas may have different flags while they are rolled out.
    fn duration(&self, lease: &LeaseSpec) -> Duration {
        let seconds = lease.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(self.timing.lease, Duration::from_secs)
    }
}

#[cfg(test)]
mod tests;
