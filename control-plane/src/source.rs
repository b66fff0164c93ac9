//! Where services and endpoints come from.
//!
//! A source is a module with a task that watches something and hands [`Services`] to [`Updates`]: complete ones only,
//! the first as soon as everything has been read once. Whatever goes wrong later, the last good ones stay.

pub mod file;
pub mod metrics;

use crate::model::Services;
use std::sync::Arc;
use tokio::sync::watch;

/// The newest services of a source; `None` until everything has been read once.
pub type Newest = watch::Receiver<Option<Arc<Services>>>;

/// Where a source puts its services. Only the newest are kept.
#[derive(Debug)]
pub struct Updates(watch::Sender<Option<Arc<Services>>>);

impl Updates {
    /// A place for services, and where to read them.
    pub fn new() -> (Self, Newest) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), receiver)
    }

    /// Hands over services. Says whether they differ from those before; readers hear only of differences.
    pub fn publish(&self, services: Services) -> bool {
        self.0.send_if_modified(|newest| {
            let differ = newest.as_deref() != Some(&services);
            if differ {
                *newest = Some(Arc::new(services));
            }
            differ
        })
    }
}
