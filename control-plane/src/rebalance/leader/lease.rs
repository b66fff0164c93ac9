//! Reads and writes the Lease.

use super::{Election, Leadership, Led, Timing};
use crate::rebalance::clock::Clock;
use evenkeel_filter_core::Time;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Where the Lease is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Its namespace.
    pub namespace: String,
    /// Its name, the same for all replicas.
    pub name: String,
}

/// A replica that wants to lead.
#[derive(Debug)]
pub struct Candidate {
    leases: Api<Lease>,
    lock: Lock,
    timing: Timing,
    election: Election,
    clock: Clock,
    led: watch::Sender<Leadership>,
    /// What was said last.
    leads: bool,
    /// The problem that was reported last, while it lasts.
    reported: Option<String>,
}

impl Candidate {
    /// A replica of this name, which no other has and no earlier process had, and whether it leads.
    pub fn new(client: Client, lock: Lock, identity: String, timing: Timing, clock: Clock) -> (Self, Led) {
        let leases = Api::namespaced(client, &lock.namespace);
        let (led, receiver) = watch::channel(Leadership::NONE);
        let election = Election::new(identity, timing);
        (Self { leases, lock, timing, election, clock, led, leads: false, reported: None }, receiver)
    }

    /// Stands for election until the shutdown, then gives the Lease back.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return self.release().await,
                () = self.round() => {}
            }
        }
    }

    /// One attempt, and the pause after it. Replicas that were started together spread a little.
    async fn round(&mut self) {
        let outcome = within(self.timing.renew_deadline / 2, self.attempt()).await;
        self.tell();
        self.note(outcome.err());
        tokio::time::sleep(self.timing.retry.mul_f64(rand::random_range(0.9..1.1))).await;
    }

    async fn attempt(&mut self) -> Result<(), String> {
        let begun = self.clock.now();
        let lease = self.leases.get_opt(&self.lock.name).await.map_err(problem)?;
        let (metadata, spec) = lease.map_or_else(|| (None, None), |lease| (Some(lease.metadata), lease.spec));
        self.election.observe(self.clock.now(), metadata.is_some().then(|| spec.unwrap_or_default()));
        let Some(bid) = self.election.bid(self.clock.now(), Timestamp::now()) else { return Ok(()) };
        self.write(metadata, bid, begun).await
    }

    /// The resource version makes sure that nobody has written since it was read.
    async fn write(&mut self, metadata: Option<ObjectMeta>, spec: LeaseSpec, begun: Time) -> Result<(), String> {
        let parameters = PostParams::default();
        let written = match metadata {
            Some(metadata) => {
                let lease = Lease { metadata, spec: Some(spec) };
                self.leases.replace(&self.lock.name, &parameters, &lease).await
            }
            None => self.leases.create(&parameters, &self.new_lease(spec)).await,
        };
        match written {
            Ok(lease) => {
                self.election.written(begun, lease.spec.unwrap_or_default());
                Ok(())
            }
            // Another was faster; who, will be read next time.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(problem(error)),
        }
    }

    fn new_lease(&self, spec: LeaseSpec) -> Lease {
        let metadata = ObjectMeta { name: Some(self.lock.name.clone()), ..ObjectMeta::default() };
        Lease { metadata, spec: Some(spec) }
    }

    /// Says until when this replica leads, and in the log when that begins and ends.
    fn tell(&mut self) {
        let leadership = self.election.leadership();
        self.led.send_replace(leadership);
        let Lock { namespace, name } = &self.lock;
        let leads = leadership.term(self.clock.now()).is_some();
        match (std::mem::replace(&mut self.leads, leads), leads) {
            (false, true) => info!(lease = %format_args!("{namespace}/{name}"), "this replica leads"),
            (true, false) => info!(leader = self.election.holder(), "this replica does not lead any more"),
            _ => {}
        }
    }

    fn note(&mut self, problem: Option<String>) {
        if problem == self.reported {
            return;
        }
        if let Some(problem) = &problem {
            let Lock { namespace, name } = &self.lock;
            warn!(lease = %format_args!("{namespace}/{name}"), "the Lease cannot be had: {problem}; trying again");
        } else {
            info!("the Lease can be read and written again");
        }
        self.reported = problem;
    }

    async fn release(mut self) {
        self.led.send_replace(Leadership::NONE);
        if let Some(released) = self.election.release(Timestamp::now()) {
            let given_up = within(RELEASE, self.give_up(released)).await;
            self.note(given_up.err());
        }
    }

    async fn give_up(&self, released: LeaseSpec) -> Result<(), String> {
        let lease = self.leases.get(&self.lock.name).await.map_err(problem)?;
        // It may be another's by now.
        if lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) != Some(self.election.holder()) {
            return Ok(());
        }
        let lease = Lease { spec: Some(released), ..lease };
        self.leases.replace(&self.lock.name, &PostParams::default(), &lease).await.map(drop).map_err(problem)
    }
}

/// Nobody waits longer for the end of a process because the API server does not answer.
const RELEASE: Duration = Duration::from_secs(1);

async fn within(limit: Duration, work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(format!("the API server did not answer within {limit:?}")))
}

/// What the API server says, without the rest of its answer.
fn problem(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => other.to_string(),
    }
}
