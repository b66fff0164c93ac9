//! Where services and endpoints come from.
//!
//! A source is a module with a task that watches something and hands [`Cluster`] to [`Updates`]: complete ones only,
//! the first as soon as everything has been read once. Whatever goes wrong later, the last good one stays.

pub mod file;
pub mod kubernetes;
pub mod metrics;

use crate::model::Cluster;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// What a source knows now; `None` until everything has been read once.
pub type Newest = watch::Receiver<Option<Arc<Cluster>>>;

/// Where a source puts what it knows. Only the newest is kept.
#[derive(Debug)]
pub struct Updates(watch::Sender<Option<Arc<Cluster>>>);

impl Updates {
    /// A place for it, and where to read it.
    pub fn new() -> (Self, Newest) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), receiver)
    }

    /// Hands over what is known now. Says whether it differs from what was known before; readers hear only of differences.
    pub fn publish(&self, cluster: Cluster) -> bool {
        self.0.send_if_modified(|newest| {
            let differ = newest.as_deref() != Some(&cluster);
            if differ {
                *newest = Some(Arc::new(cluster));
            }
            differ
        })
    }
}

/// Waits until something is due; for ever if nothing is.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
