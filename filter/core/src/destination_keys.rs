//! Outbound connections, by destination: each host that has caps has a key of its own.

use rustc_hash::FxHashMap;

use crate::caps::Draw;
use crate::pool_key::{KeySequence, PoolKey, RotatingKey};
use crate::settings::{Destination, Rotation};
use crate::time::Time;

/// The pool keys of one worker under one plugin's settings, by host.
///
/// A key is given to each request, so an edit reaches all that come after it: nothing remembers connections.
#[derive(Debug, Default)]
pub struct DestinationKeys {
    destinations: FxHashMap<String, Capped>,
    sequence: KeySequence,
}

#[derive(Debug)]
struct Capped {
    rotation: Rotation,
    current: RotatingKey,
}

impl DestinationKeys {
    /// Puts new settings in force. The key of a host that stays keeps its age, its requests and its draw.
    pub fn configure(&mut self, destinations: &[Destination]) {
        let mut before = std::mem::take(&mut self.destinations);
        let capped = destinations.iter().filter(|destination| destination.caps());
        let entry = |destination: &Destination| {
            let host = destination.host.as_str();
            let current = before.remove(host).map(|capped| capped.current).unwrap_or_default();
            (host.to_owned(), Capped { rotation: destination.rotation(), current })
        };
        self.destinations = capped.map(entry).collect();
    }

    /// A request goes out to `cluster`: the key to give to it; `None` if its host has no caps. Only for one that has
    /// `now` is called.
    pub fn request(
        &mut self,
        cluster: &str,
        now: impl FnOnce() -> Time,
        draw: impl FnOnce() -> Draw,
    ) -> Option<PoolKey> {
        let Capped { rotation, current } = self.destinations.get_mut(host(cluster))?;
        let key = current.refresh(rotation, &mut self.sequence, now(), draw);
        current.count_request();
        Some(key)
    }

    /// Keys replaced so far because of age or requests.
    pub fn rotated(&self) -> u64 {
        self.sequence.rotated()
    }
}

/// The host of a cluster of Istio, `outbound|PORT|SUBSET|HOST`: its ports and subsets have one key. The name of any other
/// cluster is its host.
pub fn host(cluster: &str) -> &str {
    let host = cluster.strip_prefix("outbound|").and_then(|rest| rest.splitn(3, '|').nth(2));
    host.unwrap_or(cluster)
}

#[cfg(test)]
mod tests;
