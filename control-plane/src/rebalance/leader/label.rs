//! The label of the leader's pod.

use super::Led;
use crate::rebalance::clock::Clock;
use evenkeel_filter_core::Time;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The label that the Service `evenkeel-rebalance` selects, with the value `true`.
pub const LABEL: &str = "evenkeel.dev/leader";

/// What failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(2);
/// A request that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Nobody waits longer for the end of a process because the API server does not answer.
const FAREWELL: Duration = Duration::from_secs(1);

/// Keeps the label on a replica's own pod as long as it leads, and takes it off otherwise: also what an earlier process
/// in the same pod has left there.
#[derive(Debug)]
pub struct PodLabel {
    pods: Api<Pod>,
    name: String,
    led: Led,
    clock: Clock,
    /// Whether the pod has the label; `None` while that is not known.
    labelled: Option<bool>,
    reported: Option<String>,
}

impl PodLabel {
    /// The label of this pod.
    pub fn new(client: Client, namespace: &str, name: String, led: Led, clock: Clock) -> Self {
        Self { pods: Api::namespaced(client, namespace), name, led, clock, labelled: None, reported: None }
    }

    /// Follows the leadership until the shutdown, then takes the label off.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.round() => {}
            }
        }
        if self.labelled != Some(false) {
            // It is tried once: the pod ends anyway.
            let _ = timeout(FAREWELL, self.set(false)).await;
        }
    }

    /// Puts the label as it should be now, then waits until that may be otherwise.
    async fn round(&mut self) {
        let leadership = *self.led.borrow_and_update();
        let leads = leadership.term(self.clock.now()).is_some();
        if self.labelled != Some(leads) {
            self.labelled = None;
            if !self.try_set(leads).await {
                return sleep(RETRY).await;
            }
        }
        let end = if leads { leadership.end() } else { Time::NEVER };
        tokio::select! {
            changed = self.led.changed() => if changed.is_err() { self.clock.sleep_until(end).await },
            () = self.clock.sleep_until(end) => {}
        }
    }

    async fn try_set(&mut self, leads: bool) -> bool {
        let problem = match timeout(PATIENCE, self.set(leads)).await {
            Ok(Ok(())) => None,
            Ok(Err(kube::Error::Api(status))) => Some(format!("{} ({})", status.message, status.code)),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the API server does not answer".to_owned()),
        };
        if problem.is_none() {
            self.labelled = Some(leads);
            info!(pod = self.name, leads, "the pod's label {LABEL} is as it should be");
        } else if problem != self.reported {
            let problem = problem.as_deref().unwrap_or_default();
            warn!(pod = self.name, "the pod's label {LABEL} cannot be changed: {problem}; trying again");
        }
        self.reported = problem;
        self.labelled.is_some()
    }

    async fn set(&self, leads: bool) -> kube::Result<()> {
        let value = leads.then_some("true");
        let patch = Patch::Merge(json!({ "metadata": { "labels": { LABEL: value } } }));
        self.pods.patch_metadata(&self.name, &PatchParams::default(), &patch).await.map(drop)
    }
}
