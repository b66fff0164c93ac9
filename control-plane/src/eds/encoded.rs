//! What was encoded of one service.

use crate::xds::Lookup;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the names of one service stand for at one moment, those that were asked for.
#[derive(Debug, Default)]
pub struct Encoded(Mutex<HashMap<String, Lookup>>);

impl Encoded {
    /// What a name stands for, encoded if nobody asked for it before.
    ///
    /// While one stream encodes, others that want the same service wait instead of encoding it as well.
    pub fn get_or_encode(&self, name: &str, encode: impl FnOnce() -> Lookup) -> Lookup {
        let mut encoded = self.lock();
        if let Some(known) = encoded.get(name) {
            return known.clone();
        }
        encoded.entry(name.to_owned()).insert_entry(encode()).get().clone()
    }

    /// The part whose names are like this.
    pub fn only(&self, like: impl Fn(&str) -> bool) -> Self {
        let encoded = self.lock();
        let some = encoded.iter().filter(|(name, _)| like(name.as_str()));
        Self(Mutex::new(some.map(|(name, known)| (name.clone(), known.clone())).collect()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Lookup>> {
        // A map of finished resources is right whatever happened to the one who held the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
