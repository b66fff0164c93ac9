//! One pool key: what it is, and when it is replaced.
//!
//! Envoy keeps one connection pool per host and per filter state that is shared with the upstream. A new key means a
//! new connection for new requests; the connections of the old key finish their streams and end by the cluster's
//! `idle_timeout`.

use std::fmt;

use crate::caps::{Draw, age_limit, request_limit};
use crate::settings::{RequestCount, Rotation};
use crate::time::Time;

/// A pool key, written `0.0.X.Y:1`: the address form is what the filter-state factory that all supported Envoys
/// have (`envoy.network.transport_socket.original_dst_address`) takes. Nothing connects to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolKey(Option<u16>);

impl PoolKey {
    /// No key: requests share Envoy's ordinary pools. Written as nothing at all.
    pub const NONE: Self = Self(None);
}

impl fmt::Display for PoolKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(number) = self.0 else { return Ok(()) };
        let [high, low] = number.to_be_bytes();
        write!(formatter, "0.0.{high}.{low}:1")
    }
}

/// Keys of one plugin on one worker, one after another. A key that was given up does not come back before all others: its
/// connections may be open still.
#[derive(Debug, Default)]
pub struct KeySequence {
    last: u16,
    rotated: u64,
}

impl KeySequence {
    /// Keys replaced so far because of age or requests.
    pub fn rotated(&self) -> u64 {
        self.rotated
    }

    fn next(&mut self) -> PoolKey {
        self.last = self.last.wrapping_add(1);
        PoolKey(Some(self.last))
    }
}

/// A key that is replaced when it is due.
#[derive(Debug, Clone, Copy, Default)]
pub struct RotatingKey(Option<Current>);

#[derive(Debug, Clone, Copy)]
struct Current {
    key: PoolKey,
    since: Time,
    draw: Draw,
    requests: u32,
}

impl RotatingKey {
    /// The key of now: the first one, the same as before, or, when that is due, the next one of `sequence`.
    pub fn refresh(
        &mut self,
        rotation: &Rotation,
        sequence: &mut KeySequence,
        now: Time,
        draw: impl FnOnce() -> Draw,
    ) -> PoolKey {
        if let Some(current) = self.0.filter(|current| !current.is_due(rotation, now)) {
            return current.key;
        }
        sequence.rotated += u64::from(self.0.is_some());
        let key = sequence.next();
        self.0 = Some(Current { key, since: now, draw: draw(), requests: 0 });
        key
    }

    /// A request goes out under it.
    pub fn count_request(&mut self) {
        if let Some(current) = &mut self.0 {
            current.requests = current.requests.saturating_add(1);
        }
    }
}

impl Current {
    fn is_due(&self, rotation: &Rotation, now: Time) -> bool {
        let old = |max_age| now >= self.since.plus(age_limit(max_age, rotation.jitter, self.draw));
        let used = |count: RequestCount| self.requests >= request_limit(count.get(), rotation.jitter, self.draw);
        rotation.max_age.is_some_and(old) || rotation.max_requests.is_some_and(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_an_address_and_no_key_as_nothing() {
        assert_eq!(PoolKey(Some(0x0102)).to_string(), "0.0.1.2:1");
        assert_eq!(PoolKey::NONE.to_string(), "");
    }
}
