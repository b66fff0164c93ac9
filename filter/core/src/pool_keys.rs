//! Outbound connections: the key that new requests of one worker go out under, and when it is replaced.
//!
//! Envoy keeps one connection pool per host and per filter state that is shared with the upstream. A new key means a
//! new connection for new requests; the connections of the old key finish their streams and end by the cluster's
//! `idle_timeout`. There is one key now; one per slot is what `slots` will make of it.

use std::fmt;

use rustc_hash::FxHashMap;

use crate::caps::{Draw, age_limit, request_limit};
use crate::connections::ConnectionId;
use crate::settings::{RequestCount, Rotation};
use crate::time::Time;

/// A pool key, written `0.0.X.Y:1`: the address form is what the filter-state factory that all supported Envoys
/// have (`envoy.network.transport_socket.original_dst_address`) takes. Nothing connects to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolKey(Option<u16>);

impl PoolKey {
    /// No key: requests share Envoy's ordinary pools. Written as nothing at all.
    pub const NONE: Self = Self(None);

    #[must_use]
    fn next(self) -> Self {
        Self(Some(self.0.unwrap_or(0).wrapping_add(1)))
    }
}

impl fmt::Display for PoolKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(number) = self.0 else { return Ok(()) };
        let [high, low] = number.to_be_bytes();
        write!(formatter, "0.0.{high}.{low}:1")
    }
}

/// The pool key of one worker under one plugin's settings, and which accepted connection carries which key.
///
/// A key travels with the accepted connection whose requests go out under it, so each connection has to be given the
/// current one: at once where requests are seen ([`PoolKeys::request`]), else with [`PoolKeys::tick`].
#[derive(Debug, Default)]
pub struct PoolKeys {
    rotation: Option<Rotation>,
    current: Option<Current>,
    last: PoolKey,
    rotated: u64,
    carried: FxHashMap<ConnectionId, PoolKey>,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    key: PoolKey,
    since: Time,
    draw: Draw,
    requests: u32,
}

impl PoolKeys {
    /// Puts new settings in force. The current key keeps its age, its requests and its draw.
    pub fn configure(&mut self, rotation: Option<Rotation>) {
        self.rotation = rotation;
    }

    /// A connection was accepted: the key to give to it, if any.
    pub fn opened(&mut self, id: ConnectionId, now: Time, draw: impl FnOnce() -> Draw) -> Option<PoolKey> {
        let key = self.refresh(now, draw);
        self.carried.insert(id, key);
        (key != PoolKey::NONE).then_some(key)
    }

    /// A request goes out: the key to give to its connection before, if that carries another one. A key that is of no
    /// use any more is taken away by the next tick.
    pub fn request(&mut self, id: ConnectionId, now: Time, draw: impl FnOnce() -> Draw) -> Option<PoolKey> {
        self.rotation?;
        let key = self.refresh(now, draw);
        if let Some(current) = &mut self.current {
            current.requests = current.requests.saturating_add(1);
        }
        let carried = self.carried.get_mut(&id)?;
        (std::mem::replace(carried, key) != key).then_some(key)
    }

    /// Replaces the key when it is due, and names every connection that carries another one than it should.
    pub fn tick(&mut self, now: Time, draw: impl FnOnce() -> Draw) -> Vec<(ConnectionId, PoolKey)> {
        // A worker without connections has nothing to rotate.
        if self.carried.is_empty() {
            return Vec::new();
        }
        let key = self.refresh(now, draw);
        let stale = self.carried.iter_mut().filter(|(_, carried)| **carried != key);
        stale
            .map(|(id, carried)| {
                *carried = key;
                (*id, key)
            })
            .collect()
    }

    /// A connection was closed.
    pub fn closed(&mut self, id: ConnectionId) {
        self.carried.remove(&id);
    }

    /// Keys replaced so far because of age or requests.
    pub fn rotated(&self) -> u64 {
        self.rotated
    }

    fn refresh(&mut self, now: Time, draw: impl FnOnce() -> Draw) -> PoolKey {
        self.current = match (self.rotation, self.current) {
            (None, _) => None,
            (Some(rotation), Some(current)) if !current.is_due(&rotation, now) => Some(current),
            (Some(_), replaced) => {
                self.rotated += u64::from(replaced.is_some());
                self.last = self.last.next();
                Some(Current { key: self.last, since: now, draw: draw(), requests: 0 })
            }
        };
        self.current.map_or(PoolKey::NONE, |current| current.key)
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
mod tests;
