//! How uneven the connections of pods are, from what every proxy of Istio tells.
//!
//! Istio's proxies keep few stats. Among those that they always keep are the gauges whose names end in
//! `downstream_cx_active`, because the agent waits for them before it ends
//! (`requiredEnvoyStatsMatcherInclusionSuffixes` in Istio's pkg/bootstrap), and all of `server.*`.

use super::envoy::Stats;
use crate::rebalance::Policy;
use crate::rebalance::law::Goal;
use serde::Serialize;
use std::fmt;

/// Ports of Istio's own listeners: admin, outbound, HBONE, status, metrics.
const NOT_FOR_CLIENTS: [&str; 8] = ["15000", "15001", "15004", "15008", "15009", "15020", "15021", "15090"];
/// The listener to which a sidecar's inbound connections are redirected.
const INBOUND: &str = "15006";
const ACTIVE: &str = ".downstream_cx_active";

/// What connections were counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// `listener.*.downstream_cx_active`.
    Listeners,
    /// `http.*.downstream_cx_active`.
    ConnectionManagers,
    /// `server.total_connections`.
    Server,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Listeners => "listener.*.downstream_cx_active",
            Self::ConnectionManagers => "http.*.downstream_cx_active",
            Self::Server => "server.total_connections",
        })
    }
}

impl Source {
    /// How good it is.
    pub fn quality(self) -> &'static str {
        match self {
            Self::Listeners => "exact: every open connection of clients, of any protocol",
            Self::ConnectionManagers => "good: every open connection that speaks HTTP",
            Self::Server => {
                "rough: connections that a sidecar's own workload opens are among them, and it is up to 5 s old"
            }
        }
    }
}

/// The open connections of clients, by the best of the stats that are there.
pub fn connections(stats: &Stats) -> Option<(Source, u64)> {
    let listeners = || Some((Source::Listeners, sum(&of_listeners(stats))?));
    let managers = || Some((Source::ConnectionManagers, sum(&of_managers(stats))?));
    let server = || Some((Source::Server, stats.get("server.total_connections")?));
    listeners().or_else(managers).or_else(server)
}

fn sum(values: &[u64]) -> Option<u64> {
    (!values.is_empty()).then(|| values.iter().sum())
}

/// Of a sidecar only the one listener, for the others take what its workload opens.
fn of_listeners(stats: &Stats) -> Vec<u64> {
    let all: Vec<(&str, u64)> = stats.between("listener.", ACTIVE).filter(|(name, _)| port(name).is_some()).collect();
    let inbound: Vec<u64> =
        all.iter().filter(|(name, _)| port(name) == Some(INBOUND)).map(|(_, value)| *value).collect();
    if !inbound.is_empty() {
        return inbound;
    }
    let for_clients = |name: &str| port(name).is_some_and(|port| !NOT_FOR_CLIENTS.contains(&port));
    all.into_iter().filter(|(name, _)| for_clients(name)).map(|(_, value)| value).collect()
}

/// The port in `0.0.0.0_8080`; none of `admin`, or of one worker's part.
fn port(listener: &str) -> Option<&str> {
    let (_, port) = listener.rsplit_once('_')?;
    (!listener.contains(".worker_") && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(port)
}

/// Of a sidecar only what comes in: the prefixes that Istio gives them say it.
fn of_managers(stats: &Stats) -> Vec<u64> {
    let all: Vec<(&str, u64)> = stats.between("http.", ACTIVE).collect();
    let inbound: Vec<u64> =
        all.iter().filter(|(name, _)| name.starts_with("inbound_")).map(|(_, value)| *value).collect();
    if !inbound.is_empty() {
        return inbound;
    }
    let own = ["admin", "agent", "stats", "async-client"];
    all.into_iter().filter(|(name, _)| !own.contains(name)).map(|(_, value)| value).collect()
}

/// The connections of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PodConnections {
    /// The name of the pod.
    pub pod: String,
    /// Open connections.
    pub connections: u64,
    /// What they were counted by.
    pub source: Source,
}

/// How uneven pods are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skew {
    /// As they were read.
    pub pods: Vec<PodConnections>,
    /// All connections.
    pub total: u64,
    /// Connections per pod.
    pub mean: f64,
    /// Standard deviation over mean: 0 is even.
    pub coefficient_of_variation: f64,
    /// What the fullest pod has, over the mean: 1 is even.
    pub max_over_mean: f64,
    /// Whether this is so uneven that chance does not explain it: what the controller would act on.
    pub beyond_chance: bool,
    /// How many connections are above the mean: the fewest that would have to move to even it out.
    pub above_mean: u64,
}

impl Skew {
    /// Of these pods.
    pub fn of(pods: Vec<PodConnections>) -> Self {
        let live: Vec<f64> = pods.iter().map(|pod| pod.connections as f64).collect();
        let count = live.len().max(1) as f64;
        let mean = live.iter().sum::<f64>() / count;
        let variance = live.iter().map(|live| (live - mean).powi(2)).sum::<f64>() / count;
        let over_mean = |value: f64| if mean > 0.0 { value / mean } else { 0.0 };
        Self {
            total: pods.iter().map(|pod| pod.connections).sum(),
            mean,
            coefficient_of_variation: over_mean(variance.sqrt()),
            max_over_mean: over_mean(live.iter().copied().fold(0.0, f64::max)),
            beyond_chance: Goal::of(&Policy::default()).uneven_beyond_chance(&live, &vec![mean; live.len()]),
            above_mean: live.iter().map(|live| (live - mean).max(0.0)).sum::<f64>().round() as u64,
            pods,
        }
    }

    /// What the numbers mean.
    pub fn verdict(&self) -> String {
        match (self.pods.len(), self.total, self.beyond_chance) {
            (0 | 1, _, _) => "One pod alone is always even.".to_owned(),
            (_, 0, _) => "No connection is open: there is nothing to even out.".to_owned(),
            (_, _, true) => format!(
                "Uneven beyond chance: the fullest pod has {:.2} times the mean. To even it out {} of {} connections would move.",
                self.max_over_mean, self.above_mean, self.total
            ),
            (_, _, false) => "No more uneven than a balancer that chooses by chance leaves it.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(connections: &[u64]) -> Skew {
        let pod = |(number, &connections): (usize, &u64)| PodConnections {
            pod: format!("gateway-{number}"),
            connections,
            source: Source::Listeners,
        };
        Skew::of(connections.iter().enumerate().map(pod).collect())
    }

    #[test]
    fn the_numbers_are_those_of_the_textbooks() {
        let skew = pods(&[200, 200, 0, 0]);
        assert_eq!((skew.total, skew.mean, skew.coefficient_of_variation), (400, 100.0, 1.0));
        assert_eq!((skew.max_over_mean, skew.beyond_chance, skew.above_mean), (2.0, true, 200));
        assert!(skew.verdict().contains("2.00 times the mean. To even it out 200 of 400"), "{}", skew.verdict());
    }

    #[test]
    fn what_chance_explains_is_said_to_be_chance() {
        assert!(!pods(&[108, 96, 101, 95]).beyond_chance);
        assert!(!pods(&[3, 0, 1]).beyond_chance, "too few to say");
        assert!(pods(&[]).verdict().contains("One pod") && pods(&[7]).verdict().contains("One pod"));
        assert!(pods(&[0, 0]).verdict().contains("nothing to even out"));
        assert!(pods(&[0, 0]).coefficient_of_variation.abs() < f64::EPSILON);
    }

    #[test]
    fn the_best_stat_that_is_there_is_taken() {
        let of = |text: &str| connections(&Stats::parse(text).unwrap());
        let sidecar = "listener.0.0.0.0_15006.downstream_cx_active: 12\nlistener.0.0.0.0_15006.worker_0.downstream_cx_active: 12\n\
                       listener.0.0.0.0_80.downstream_cx_active: 5\nlistener.0.0.0.0_15001.downstream_cx_active: 1\n\
                       http.inbound_0.0.0.0_8080;.downstream_cx_active: 9\nserver.total_connections: 30";
        assert_eq!(of(sidecar), Some((Source::Listeners, 12)));
        let gateway = "listener.0.0.0.0_8080.downstream_cx_active: 7\nlistener.[__]_8443.downstream_cx_active: 4\n\
                       listener.admin.downstream_cx_active: 1\nlistener.0.0.0.0_15021.downstream_cx_active: 2\n\
                       listener.admin.main_thread.downstream_cx_active: 1";
        assert_eq!(of(gateway), Some((Source::Listeners, 11)));
        let managers = "http.inbound_0.0.0.0_8080;.downstream_cx_active: 9\nhttp.outbound_0.0.0.0_80;.downstream_cx_active: 3\n\
                        http.admin.downstream_cx_active: 1\nserver.total_connections: 30";
        assert_eq!(of(managers), Some((Source::ConnectionManagers, 9)));
        assert_eq!(of("server.total_connections: 30"), Some((Source::Server, 30)));
        assert_eq!(of("server.live: 1"), None);
    }
}
