//! From what the source knows now to the newest snapshot.

use crate::eds::Views;
use crate::source::Newest;
use crate::xds::metrics::XdsMetrics;
use crate::xds::server::Snapshots;
use crate::xds::{Lookup, ResourceType, Resources, Snapshot};
use std::sync::Arc;
use tokio::sync::watch;

/// Publishes a snapshot for every change that the source reports. Changes that come while a snapshot is made are taken
/// together.
#[derive(Debug)]
pub struct Publisher {
    newest: Newest,
    served: Served,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    metrics: XdsMetrics,
}

/// Everything that is served at one moment.
#[derive(Clone, Debug, Default)]
struct Served {
    views: Arc<Views>,
}

impl Publisher {
    /// Publishes what the source has now. There is no snapshot before the source has been read completely.
    pub fn new(newest: Newest, metrics: XdsMetrics) -> (Self, Snapshots) {
        let (snapshots, receiver) = watch::channel(None);
        let mut publisher = Self { newest, served: Served::default(), snapshots, metrics };
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
        let (views, changed) = self.served.views.next(cluster);
        self.served = Served { views: Arc::new(views) };
        let served = Arc::new(self.served.clone());
        self.metrics.published();
        self.snapshots.send_modify(|newest| {
            let next = match newest {
                Some(snapshot) => snapshot.next(served, changed),
                None => Snapshot::new(served),
            };
            *newest = Some(Arc::new(next));
        });
    }
}

impl Resources for Served {
    fn get(&self, resource_type: ResourceType, name: &str) -> Lookup {
        match resource_type {
            ResourceType::ClusterLoadAssignment => Lookup::Found(self.views.assignment(name)),
            ResourceType::Cluster | ResourceType::Listener | ResourceType::RouteConfiguration => Lookup::Absent,
        }
    }

    fn names(&self, _: ResourceType) -> Vec<String> {
        Vec::new()
    }

    fn lists(&self, _: ResourceType, _: &str) -> bool {
        false
    }
}
