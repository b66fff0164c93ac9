//! What was encoded of one service.

use super::{ResourceName, View};
use crate::xds::Resource;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The resources of one service as it is at one moment, those that were asked for.
#[derive(Debug, Default)]
pub struct Encoded(Mutex<HashMap<ResourceName, Arc<Resource>>>);

impl Encoded {
    /// The resource of this name, encoded if nobody asked for it before.
    ///
    /// While one stream encodes, others that want the same service wait instead of encoding it as well.
    pub fn get_or_encode(&self, name: ResourceName, encode: impl FnOnce() -> Resource) -> Arc<Resource> {
        self.lock().entry(name).or_insert_with(|| Arc::new(encode())).clone()
    }

    /// What stays when everything that this view is made of may have changed.
    pub fn without(&self, view: View) -> Self {
        let others =
            self.lock().iter().filter(|(name, _)| name.view != view).map(|(n, r)| (n.clone(), r.clone())).collect();
        Self(Mutex::new(others))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ResourceName, Arc<Resource>>> {
        // A map of finished resources is right whatever happened to the one who held the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
