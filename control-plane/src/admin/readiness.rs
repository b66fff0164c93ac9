//! Whether the process should get traffic, and if not, why.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The named reasons why the process is not ready. Clones share them. It starts without any: whoever needs time adds a
/// reason before the admin port opens.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Readiness {
    /// Not ready because of `name`, explained for operators. Replaces an earlier explanation.
    pub fn block(&self, name: &'static str, reason: impl Into<String>) {
        self.lock().insert(name, reason.into());
    }

    /// `name` is no reason any more.
    pub fn clear(&self, name: &str) {
        self.lock().remove(name);
    }

    /// The reasons, each `name: explanation`; none when ready.
    pub fn reasons(&self) -> Vec<String> {
        self.lock().iter().map(|(name, reason)| format!("{name}: {reason}")).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_every_reason_is_gone() {
        let readiness = Readiness::default();
        readiness.block("source", "not read yet");
        readiness.block("shutdown", "stopping");
        assert_eq!(readiness.reasons(), ["shutdown: stopping", "source: not read yet"]);
        readiness.clear("source");
        readiness.clear("shutdown");
        assert!(readiness.reasons().is_empty());
    }
}
