//! From what the source knows, and where rebalances want connections to go, to the newest snapshot.

use crate::eds::Views;
use crate::model::{Cluster, SteerWeights};
use crate::proxyless::Targets;
use crate::source::Newest;
use crate::xds::metrics::XdsMetrics;
use crate::xds::server::Snapshots;
use crate::xds::{Lookup, ResourceType, Resources, Snapshot};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;

/// The weights of the services that are being rebalanced now.
pub type Steering = watch::Receiver<Arc<SteerWeights>>;

/// Publishes a snapshot for every change that the source reports, and of weights. Changes that come meanwhile are taken
/// together.
#[derive(Debug)]
pub struct Publisher {
    newest: Newest,
    steering: Steering,
    served: Served,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    metrics: XdsMetrics,
}

/// Everything that is served at one moment.
#[derive(Clone, Debug, Default)]
struct Served {
    views: Arc<Views>,
    targets: Arc<Targets>,
}

impl Served {
    /// What is served of the first cluster that is known.
    fn first(&self, cluster: Arc<Cluster>) -> Self {
        let views = self.views.first(cluster.clone());
        Self { views: Arc::new(views), targets: Arc::new(Targets::first(cluster)) }
    }

    /// What is served of what is known now, and the names of everything that may differ.
    fn next(&self, cluster: Arc<Cluster>) -> (Self, BTreeSet<String>) {
        let (views, mut changed) = self.views.next(cluster.clone());
        let (targets, mut others) = self.targets.next(cluster);
        changed.append(&mut others);
        (Self { views: Arc::new(views), targets: Arc::new(targets) }, changed)
    }

    /// The same with the weights of now. gRPC's targets have none.
    fn steer(&self, steering: Arc<SteerWeights>) -> (Self, BTreeSet<String>) {
        let (views, changed) = self.views.steer(steering);
        (Self { views: Arc::new(views), targets: self.targets.clone() }, changed)
    }
}

impl Publisher {
    /// Publishes what the source has now. There is no snapshot before the source has been read completely.
    pub fn new(newest: Newest, steering: Steering, metrics: XdsMetrics) -> (Self, Snapshots) {
        let (snapshots, receiver) = watch::channel(None);
        let mut publisher = Self { newest, steering, served: Served::default(), snapshots, metrics };
        publisher.publish_cluster();
        (publisher, receiver)
    }

    /// Publishes until the source ends.
    pub async fn run(mut self) {
        loop {
            tokio::select! {
                changed = self.newest.changed() => match changed {
                    Ok(()) => self.publish_cluster(),
                    Err(_) => return,
                },
                () = changed(&mut self.steering) => self.publish_steering(),
            }
        }
    }

    fn publish_cluster(&mut self) {
        let Some(cluster) = self.newest.borrow_and_update().clone() else { return };
        let (served, changed) = match *self.snapshots.borrow() {
            // Nobody has anything that could differ.
            None => (self.served.first(cluster), BTreeSet::new()),
            Some(_) => self.served.next(cluster),
        };
        self.publish(served, changed);
    }

    /// Before the source has been read there is nothing to steer; the weights are kept for then.
    fn publish_steering(&mut self) {
        let steering = self.steering.borrow_and_update().clone();
        let (served, changed) = self.served.steer(steering);
        if changed.is_empty() {
            self.served = served;
        } else {
            self.publish(served, changed);
        }
    }

    fn publish(&mut self, served: Served, changed: BTreeSet<String>) {
        self.served = served;
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

/// Waits for other weights; for ever when nobody gives any.
async fn changed(steering: &mut Steering) {
    if steering.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Resources for Served {
    fn get(&self, resource_type: ResourceType, name: &str) -> Lookup {
        match resource_type {
            ResourceType::ClusterLoadAssignment => self.views.assignment(name),
            ResourceType::Cluster | ResourceType::Listener | ResourceType::RouteConfiguration => {
                self.targets.get(resource_type, name).map_or(Lookup::Absent, Lookup::Found)
            }
        }
    }

    fn names(&self, resource_type: ResourceType) -> Vec<String> {
        if !resource_type.has_wildcard() {
            return Vec::new();
        }
        self.targets.names().map(str::to_owned).collect()
    }

    fn lists(&self, resource_type: ResourceType, name: &str) -> bool {
        resource_type.has_wildcard() && self.targets.contains(name)
    }
}
