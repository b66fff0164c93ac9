//! The gRPC service that proxies report to, and the task that keeps the groups going.
//!
//! What decides is [`Groups`]. Here are the lock around it, the clock, and the question whether this replica leads.

mod directing;
mod grpc;
mod metrics;

pub use grpc::grpc_service;
pub use metrics::RebalanceMetrics;

use super::clock::Clock;
use super::groups::{Groups, Refused};
use super::leader::Led;
use super::policy::Policies;
use super::status::GroupStatus;
use crate::model::{Cluster, SteerWeights};
use crate::publisher::Steering;
use crate::trust::Caller;
use directing::Directing;
use evenkeel_filter_core::Time;
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The groups are looked at this often even if nothing is due: what a first report makes due is not known before it comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The newest policies.
pub type NewestPolicies = watch::Receiver<Arc<Policies>>;

/// The groups of this replica, shared by the connections that report, the task that keeps them going and the admin port.
/// Clones share them.
#[derive(Clone, Debug)]
pub struct Rebalancer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directing: Mutex<Directing>,
    clock: Clock,
    led: Led,
    steering: watch::Sender<Arc<SteerWeights>>,
    metrics: RebalanceMetrics,
}

/// Why a report is not answered.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Another replica leads.
    #[error("this replica does not lead; connect again to find the one that does")]
    NotLeading,
    /// The source has not been read completely.
    #[error("the endpoints have not been read completely yet")]
    NotSynced,
    /// The groups do not take it.
    #[error("{0}")]
    Refused(Refused),
}

impl Rebalancer {
    /// Groups that nobody has reported for yet, and the weights that they will have.
    pub fn new(clock: Clock, led: Led, metrics: RebalanceMetrics) -> (Self, Steering) {
        let (steering, receiver) = watch::channel(Arc::default());
        let directing = Mutex::new(Directing::new(Groups::new(clock.now())));
        (Self(Arc::new(Shared { directing, clock, led, steering, metrics })), receiver)
    }

    /// Answers a report.
    pub fn report(&self, caller: &Caller, report: &ReportRequest) -> Result<Directive, Refusal> {
        let answer = self.locked(|directing, now| directing.report(now, caller, report));
        self.0.metrics.answered(report, &answer);
        answer
    }

    /// The groups at this moment; none while this replica does not lead.
    pub fn statuses(&self) -> Vec<GroupStatus> {
        self.locked(Directing::statuses)
    }

    /// Whether this replica leads.
    pub fn leads(&self) -> bool {
        self.0.led.borrow().term(self.0.clock.now()).is_some()
    }

    /// Keeps the groups going, with the newest endpoints and policies, for ever.
    pub async fn run(self, mut newest: crate::source::Newest, mut policies: NewestPolicies) {
        let mut led = self.0.led.clone();
        self.policies(policies.borrow_and_update().clone());
        loop {
            if let Some(cluster) = newest.borrow_and_update().clone() {
                self.cluster(cluster);
            }
            let due = self.locked(|directing, now| directing.step(now).min(now.plus(LOOK_EVERY)));
            tokio::select! {
                () = self.0.clock.sleep_until(due) => {}
                () = changed(&mut newest) => {}
                () = changed(&mut led) => {}
                () = changed(&mut policies) => self.policies(policies.borrow_and_update().clone()),
            }
        }
    }

    fn cluster(&self, cluster: Arc<Cluster>) {
        self.locked(|directing, now| directing.cluster(now, cluster));
    }

    fn policies(&self, policies: Arc<Policies>) {
        self.locked(|directing, now| directing.groups().policies(now, policies));
    }

    /// Does something with the groups. Weights that follow from it are published before anybody else can get an answer
    /// that relies on them.
    fn locked<T>(&self, work: impl FnOnce(&mut Directing, Time) -> T) -> T {
        let mut directing = self.lock();
        let now = self.0.clock.now();
        directing.follow(now, *self.0.led.borrow());
        let result = work(&mut directing, now);
        let weights = directing.weights();
        self.0.steering.send_if_modified(|newest| {
            let differ = !Arc::ptr_eq(newest, &weights) && **newest != *weights;
            if differ {
                *newest = weights;
            }
            differ
        });
        result
    }

    fn lock(&self) -> MutexGuard<'_, Directing> {
        self.0.directing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a change; for ever when there will be none.
async fn changed<T>(newest: &mut watch::Receiver<T>) {
    if newest.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
