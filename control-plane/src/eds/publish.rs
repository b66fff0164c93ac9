//! From what the source knows now to the newest snapshot.

use super::Views;
use crate::source::Newest;
use crate::xds::Snapshot;
use crate::xds::metrics::XdsMetrics;
use crate::xds::server::Snapshots;
use std::sync::Arc;
use tokio::sync::watch;

/// Publishes a snapshot for every change that the source reports. Changes that come while a snapshot is made are taken
/// together.
#[derive(Debug)]
pub struct Publisher {
    newest: Newest,
    views: Arc<Views>,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    metrics: XdsMetrics,
}

impl Publisher {
    /// Publishes what the source has now. There is no snapshot before the source has been read completely.
    pub fn new(newest: Newest, metrics: XdsMetrics) -> (Self, Snapshots) {
        let (snapshots, receiver) = watch::channel(None);
        let mut publisher = Self { newest, views: Arc::default(), snapshots, metrics };
        publisher.publish();
        (publisher, receiver)
    }

    /// Publishes until the source ends.
    pub async fn run(mut self) {
        while self.newest.changed().await.is_ok() {
            self.publish();
        }
    }

    fn publish(&mut self) {
        let Some(cluster) = self.newest.borrow_and_update().clone() else { return };
        let (views, changed) = self.views.next(cluster);
        self.views = Arc::new(views);
        self.metrics.published();
        self.snapshots.send_modify(|newest| {
            let next = newest.as_ref().map_or_else(
                || Snapshot::new(self.views.clone()),
                |snapshot| snapshot.next(self.views.clone(), changed),
            );
            *newest = Some(Arc::new(next));
        });
    }
}
