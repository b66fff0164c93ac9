//! Flags for the election of a leader, named as those of Kubernetes' own components.

use super::lifetime::Lifetime;
use crate::rebalance::clock::Clock;
use crate::rebalance::leader::{Candidate, Leadership, Led, Lock, PodLabel, Timing};
use clap::{ArgAction, Args};
use kube::Client;
use std::time::Duration;
use tokio::sync::watch;
use tracing::warn;

/// Which of several replicas directs.
#[derive(Args, Debug)]
pub struct LeaderArguments {
    /// Direct proxies only while holding a Lease, so that several replicas can run. With --file there is only one
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = ArgAction::Set
    )]
    leader_elect: bool,
    /// Namespace of the Lease; default: that of the pod, else that of the kubeconfig's context
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE")]
    leader_election_namespace: Option<String>,
    /// Name of the Lease, the same for all replicas
    #[arg(long, value_name = "NAME", default_value = "evenkeel")]
    leader_election_id: String,
    /// A Lease that was not renewed for so long may be taken by another replica; whole seconds
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = humantime::parse_duration)]
    leader_election_lease_duration: Duration,
    /// A leader that could not renew its Lease for so long stops directing
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    leader_election_renew_deadline: Duration,
    /// Time between two attempts to take or renew the Lease
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = humantime::parse_duration)]
    leader_election_retry_period: Duration,
    /// Name of the pod of this process, which gets the label evenkeel.dev/leader while it leads
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pod_name: Option<String>,
}

impl LeaderArguments {
    /// The name of the pod of this process, if it is known.
    pub fn pod_name(&self) -> Option<&str> {
        self.pod_name.as_deref()
    }

    /// Whether this replica leads: by election if there is a cluster with others in it. What has to be given back is, after
    /// the shutdown.
    pub fn stand(&self, cluster: Option<Client>, clock: Clock, lifetime: &Lifetime) -> anyhow::Result<Led> {
        let timing = self.timing()?;
        let Some(client) = cluster else { return Ok(watch::channel(Leadership::ALWAYS).1) };
        let namespace = self.leader_election_namespace.clone();
        let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
        let led = if self.leader_elect {
            self.elect(client.clone(), &namespace, timing, clock, lifetime)
        } else {
            watch::channel(Leadership::ALWAYS).1
        };
        if let Some(pod) = &self.pod_name {
            let label = PodLabel::new(client, &namespace, pod.clone(), led.clone(), clock);
            lifetime.farewells.spawn(label.run(lifetime.shutdown.clone()));
        } else {
            warn!("the leader's pod gets no label: set POD_NAME and POD_NAMESPACE from the pod's own fields");
        }
        Ok(led)
    }

    fn elect(&self, client: Client, namespace: &str, timing: Timing, clock: Clock, lifetime: &Lifetime) -> Led {
        let lock = Lock { namespace: namespace.to_owned(), name: self.leader_election_id.clone() };
        let (candidate, led) = Candidate::new(client, lock, self.identity(), timing, clock);
        lifetime.farewells.spawn(candidate.run(lifetime.shutdown.clone()));
        led
    }

    fn timing(&self) -> anyhow::Result<Timing> {
        let timing = Timing {
            lease: self.leader_election_lease_duration,
            renew_deadline: self.leader_election_renew_deadline,
            retry: self.leader_election_retry_period,
        };
        timing.check().map_err(|error| anyhow::anyhow!("--leader-election-...: {error}"))
    }

    /// Another one for each process: a container that is started again in its pod is not the one that held the Lease.
    fn identity(&self) -> String {
        format!("{}_{:016x}", self.pod_name.as_deref().unwrap_or("evenkeel"), rand::random::<u64>())
    }
}
