//! What persistent clients count, readable at any time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Live counts of a group of clients.
#[derive(Debug, Default)]
pub struct Counts {
    requests: AtomicU64,
    failed: AtomicU64,
    dials: AtomicU64,
    closes: AtomicU64,
    errors: Mutex<BTreeMap<String, u64>>,
}

/// The counts at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Requests that ended, well or not.
    pub requests: u64,
    /// Requests that failed; a failed dial counts as one.
    pub failed: u64,
    /// Connections opened.
    pub dials: u64,
    /// Connections that the server ended or told to go.
    pub closes: u64,
    /// How often each error text came.
    pub errors: BTreeMap<String, u64>,
}

impl Counts {
    /// All counts now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            requests: self.requests.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            dials: self.dials.load(Ordering::Relaxed),
            closes: self.closes.load(Ordering::Relaxed),
            errors: self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn dialled(&self) {
        self.dials.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn told_to_go(&self) {
        self.closes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, result: Result<(), String>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Err(reason) = result {
            self.failed.fetch_add(1, Ordering::Relaxed);
            *self.errors.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
        }
    }
}
