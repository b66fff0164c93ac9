//! Whether the process should get traffic, and if not, why.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The named reasons why the process is not ready. Clones share them. It starts without any: whoever needs time adds a
/// reason before the admin port opens.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    reasons: Mutex<BTreeMap<&'static str, String>>,
    ready: watch::Sender<bool>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { reasons: Mutex::default(), ready: watch::Sender::new(true) }
    }
}

impl Readiness {
    /// Not ready because of `name`, explained for operators. Replaces an earlier explanation.
    pub fn block(&self, name: &'static str, reason: impl Into<String>) {
        self.change(|reasons| drop(reasons.insert(name, reason.into())));
    }

    /// `name` is no reason any more.
    pub fn clear(&self, name: &str) {
        self.change(|reasons| drop(reasons.remove(name)));
    }

    /// The reasons, each `name: explanation`; none when ready.
    pub fn reasons(&self) -> Vec<String> {
        self.lock().iter().map(|(name, reason)| format!("{name}: {reason}")).collect()
    }

    /// Whether there are no reasons, now and later.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.0.ready.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<&'static str, String>)) {
        let mut reasons = self.lock();
        change(&mut reasons);
        // Told while the reasons are locked, so that two changes are told in their order.
        self.0.ready.send_if_modified(|ready| std::mem::replace(ready, reasons.is_empty()) != reasons.is_empty());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_every_reason_is_gone() {
        let readiness = Readiness::default();
        let ready = readiness.ready();
        readiness.block("source", "not read yet");
        readiness.block("shutdown", "stopping");
        assert_eq!(readiness.reasons(), ["shutdown: stopping", "source: not read yet"]);
        readiness.clear("source");
        assert!(!*ready.borrow());
        readiness.clear("shutdown");
        assert!(readiness.reasons().is_empty());
        assert!(*ready.borrow());
    }
}
