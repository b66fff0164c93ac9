//! Outbound connections, all alike: the key that new requests of one worker go out under.
//!
//! There is one key now; one per slot is what `slots` will make of it.

use rustc_hash::FxHashMap;

use crate::caps::Draw;
use crate::connections::ConnectionId;
use crate::pool_key::{KeySequence, PoolKey, RotatingKey};
use crate::settings::Rotation;
use crate::time::Time;

/// The pool key of one worker under one plugin's settings, and which accepted connection carries which key.
///
/// A key travels with the accepted connection whose requests go out under it, so each connection has to be given the
/// current one: at once where requests are seen ([`PoolKeys::request`]), else with [`PoolKeys::tick`].
#[derive(Debug, Default)]
pub struct PoolKeys {
    rotation: Option<Rotation>,
    current: RotatingKey,
    sequence: KeySequence,
    carried: FxHashMap<ConnectionId, PoolKey>,
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
        self.current.count_request();
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
        self.sequence.rotated()
    }

    fn refresh(&mut self, now: Time, draw: impl FnOnce() -> Draw) -> PoolKey {
        let Some(rotation) = &self.rotation else {
            self.current = RotatingKey::default();
            return PoolKey::NONE;
        };
        self.current.refresh(rotation, &mut self.sequence, now, draw)
    }
}

#[cfg(test)]
mod tests;
