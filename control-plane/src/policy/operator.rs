//! Carries out the policies of a cluster, while this replica leads.
//!
//! Two tasks: one follows the cluster, and publishes what its policies come to; that never waits for a request. The other
//! one does what [`super::reconcile`] says.

mod kinds;
mod metrics;
mod planner;
mod watches;
mod writer;

use super::reconcile::{Action, Reconciler, View};
use super::render::Release;
use super::sections::Sections;
use crate::rebalance::clock::Clock;
use crate::rebalance::leader::Led;
use crate::rebalance::service::{NewestPolicies, Rebalancer};
use crate::source::Newest;
use crate::source::kubernetes::Backoff;
use evenkeel_filter_core::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
pub use metrics::PolicyMetrics;
use planner::{Observed, Planner};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{info, warn};
use watches::Watches;
use writer::{Failure, Writer};

/// What groups do changes without a watch that would say so.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After something was done there may be more: what it has come to has to be said.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Where the policies are, and what their objects refer to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Only the policies of these namespaces; all if there is none.
    pub namespaces: Vec<String>,
    /// What the objects refer to.
    pub release: Release,
    /// The name of the pod of this process, for Events.
    pub pod: Option<String>,
    /// What is told of them.
    pub metrics: PolicyMetrics,
    /// Whether no connection moves, whatever they say.
    pub paused: bool,
}

/// Whether this replica acts, and what the groups do that it directs.
#[derive(Clone, Debug)]
pub struct Leader {
    /// The groups.
    pub rebalancer: Rebalancer,
    /// Whether this replica leads.
    pub led: Led,
    /// By which clock.
    pub clock: Clock,
}

/// Does what policies want.
pub struct Operator {
    observed: watch::Receiver<Option<Arc<Observed>>>,
    writer: Writer,
    rebalancer: Rebalancer,
    led: Led,
    clock: Clock,
    /// What was done in which term.
    term: Option<(u64, Reconciler)>,
    backoff: Backoff,
    /// The problem that was logged last, while it lasts.
    problem: Option<String>,
}

impl Operator {
    /// Starts. The result is what the policies say to the balance, whether or not this replica leads.
    pub fn start(client: Client, settings: Settings, newest: Newest, leader: Leader) -> NewestPolicies {
        let sections = Sections::new(settings.paused);
        let (sender, policies) = watch::channel(Arc::new(sections.policies()));
        let watches = Watches::start(&client, &settings.namespaces);
        let (planner, observed) =
            Planner::new(watches, newest, (settings.release, settings.metrics), (sections, sender));
        let writer = Writer::new(client, settings.pod);
        let (term, backoff, problem) = (None, Backoff::default(), None);
        let Leader { rebalancer, led, clock } = leader;
        let operator = Self { observed, writer, rebalancer, led, clock, term, backoff, problem };
        tokio::spawn(planner.run());
        tokio::spawn(operator.run());
        policies
    }

    async fn run(mut self) {
        loop {
            let wait = match self.round().await {
                Ok(did_something) => {
                    self.note(None);
                    if did_something { LOOK_AGAIN } else { LOOK_EVERY }
                }
                Err(problem) => {
                    self.note(Some(problem));
                    self.backoff.failed(Instant::now(), rand::random())
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = changed(&mut self.observed), if wait == LOOK_EVERY => {}
                () = changed(&mut self.led), if wait == LOOK_EVERY => {}
            }
        }
    }

    /// Does what is due, if this replica leads. Says whether that was anything, or why it could not go on.
    async fn round(&mut self) -> Result<bool, String> {
        let actions = self.actions();
        let did_something = !actions.is_empty();
        let mut refused = None;
        for action in actions {
            if !self.leads_on() {
                break;
            }
            match self.carry_out(action).await {
                Ok(()) => {}
                // That concerns one policy; the others are not to wait for it.
                Err(Failure::Refused(problem)) => refused = Some(problem),
                Err(Failure::Unavailable(problem)) => return Err(problem),
            }
        }
        refused.map_or(Ok(did_something), Err)
    }

    fn actions(&mut self) -> Vec<Action> {
        let (now, groups) = (self.clock.now(), self.rebalancer.statuses());
        self.follow_the_lead(now);
        let observed = self.observed.borrow_and_update().clone();
        let (Some((_, reconciler)), Some(observed)) = (&mut self.term, observed) else { return Vec::new() };
        let wall = v1::Time(Timestamp::now());
        reconciler.actions(&View { plan: &observed.plan, owned: &observed.owned, groups: &groups, now, wall })
    }

    /// With each term everything is looked at anew: another may have written.
    fn follow_the_lead(&mut self, now: Time) {
        let term = self.led.borrow_and_update().term(now);
        if term != self.number() {
            self.term = term.map(|term| (term, Reconciler::new(now)));
        }
    }

    fn number(&self) -> Option<u64> {
        self.term.as_ref().map(|(number, _)| *number)
    }

    /// Asked before each request: the term may end at any time.
    fn leads_on(&self) -> bool {
        self.led.borrow().term(self.clock.now()) == self.number()
    }

    async fn carry_out(&mut self, action: Action) -> Result<(), Failure> {
        match action {
            Action::Apply { key, object } => {
                let outcome = outcome(self.writer.apply(&object).await)?;
                let now = self.clock.now();
                let repaired = self.term.as_mut().is_some_and(|(_, done)| done.applied(&key, outcome, now));
                if repaired {
                    self.writer.tell_of_repair(&object, &key).await;
                }
            }
            Action::Delete { key, uid } => {
                let outcome = outcome(self.writer.delete(&key, uid).await)?;
                let now = self.clock.now();
                self.term.iter_mut().for_each(|(_, done)| done.deleted(&key, outcome.clone(), now));
            }
            Action::Write { policy, status, notices } => {
                let version = self.writer.write(&policy, &status).await?;
                let (uid, now) = (policy.uid.as_deref().unwrap_or_default(), self.clock.now());
                self.term.iter_mut().for_each(|(_, done)| done.written(uid, version.clone(), now));
                self.writer.tell(&policy, &notices).await;
            }
        }
        Ok(())
    }

    /// Logs a problem once, and when it is over.
    fn note(&mut self, problem: Option<String>) {
        if self.problem == problem {
            return;
        }
        if let Some(problem) = &problem {
            warn!("policies cannot be carried out, what was applied stays: {problem}; trying again");
        } else {
            info!("policies can be carried out again");
        }
        self.problem = problem;
    }
}

/// What the API server has said to the request itself; an error if it has not been asked, and all others would fail alike.
fn outcome<T>(result: Result<T, Failure>) -> Result<Result<T, String>, Failure> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(Failure::Refused(problem)) => Ok(Err(problem)),
        Err(unavailable) => Err(unavailable),
    }
}

/// Waits for a change; for ever when there will be none.
async fn changed<T>(newest: &mut watch::Receiver<T>) {
    if newest.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
