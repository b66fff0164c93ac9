//! From the source's newest services to the newest snapshot.

use super::Assignments;
use crate::source::Newest;
use crate::xds::metrics::XdsMetrics;
use crate::xds::server::Snapshots;
use crate::xds::{ResourceType, Snapshot};
use std::sync::Arc;
use tokio::sync::watch;

/// Publishes a snapshot for every change of the services. Changes that come while a snapshot is made are taken together.
#[derive(Debug)]
pub struct Publisher {
    services: Newest,
    assignments: Assignments,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    metrics: XdsMetrics,
}

impl Publisher {
    /// Publishes what the source has now. There is no snapshot before the source has been read completely.
    pub fn new(services: Newest, metrics: XdsMetrics) -> (Self, Snapshots) {
        let (snapshots, newest) = watch::channel(None);
        let mut publisher = Self { services, assignments: Assignments::default(), snapshots, metrics };
        publisher.publish();
        (publisher, newest)
    }

    /// Publishes until the source ends.
    pub async fn run(mut self) {
        while self.services.changed().await.is_ok() {
            self.publish();
        }
    }

    fn publish(&mut self) {
        let Some(services) = self.services.borrow_and_update().clone() else { return };
        let snapshot = self.assignments.update(&services);
        self.metrics.published(&snapshot, ResourceType::ClusterLoadAssignment);
        self.snapshots.send_replace(Some(Arc::new(snapshot)));
    }
}
