//! The clients: mixed kinds, each with one connection that it keeps until it is told to go.
//!
//! They are hyper's, and they treat a connection that goes away as hyper-util's pooling client does by default: a request
//! that hyper hands back unsent goes out on a new connection; whatever was sent and not answered has failed. gRPC is
//! spoken over the same connections instead of tonic's `Channel`, which refuses calls in its own queue at any GOAWAY,
//! Envoy's native ones too.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::client::steady::{Protocol, RunningClients, Snapshot, Steady};

/// Persistent clients by kind, each with one connection at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Clients {
    /// HTTP/1.1 with keep-alive.
    pub h1: usize,
    /// HTTP/2.
    pub h2: usize,
    /// gRPC, unary calls.
    pub grpc: usize,
}

impl Clients {
    /// All of them.
    pub fn total(self) -> usize {
        self.h1 + self.h2 + self.grpc
    }
}

/// All clients of a run; dropping this ends them.
#[derive(Debug)]
pub struct Traffic {
    groups: Vec<RunningClients>,
}

/// What the clients say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Requests that ended, well or not.
    pub requests: u64,
    /// Requests that failed.
    pub failed: u64,
    /// How often each reason came.
    pub reasons: BTreeMap<String, u64>,
}

impl Traffic {
    /// Starts the clients, each with a request per `interval`.
    pub fn start(target: SocketAddr, clients: Clients, interval: Duration) -> Self {
        let kinds = [(Protocol::Http1, clients.h1), (Protocol::Http2, clients.h2), (Protocol::Grpc, clients.grpc)];
        let rate = 1.0 / interval.as_secs_f64();
        let start = |(protocol, connections)| Steady { target, protocol, connections, rate }.start();
        Self { groups: kinds.into_iter().map(start).collect() }
    }

    /// What they say so far.
    pub fn answers(&self) -> Answers {
        self.groups.iter().map(|group| group.counts().snapshot()).collect()
    }

    /// Lets every client finish its request.
    pub async fn stop(self) -> Result<Answers> {
        let mut snapshots = Vec::new();
        for group in self.groups {
            snapshots.push(group.stop().await?);
        }
        Ok(snapshots.into_iter().collect())
    }
}

impl FromIterator<Snapshot> for Answers {
    fn from_iter<T: IntoIterator<Item = Snapshot>>(snapshots: T) -> Self {
        let mut sum = Self::default();
        for snapshot in snapshots {
            sum.requests += snapshot.requests;
            sum.failed += snapshot.failed;
            for (reason, count) in snapshot.errors {
                *sum.reasons.entry(reason).or_default() += count;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Backend, Options};
    use crate::wait;

    #[tokio::test]
    async fn failures_of_a_broken_server_are_counted_with_their_reasons() -> Result<()> {
        let broken = Backend::start_with(&Options { drop_every: Some(10), ..Options::default() })?;
        let clients = Clients { h1: 2, h2: 2, grpc: 2 };
        let traffic = Traffic::start(broken.address(), clients, Duration::from_millis(10));
        let requests = async || Ok(traffic.answers().requests);
        wait::until("some requests", Duration::from_secs(20), requests, |requests| *requests >= 60).await?;
        let answers = traffic.stop().await?;
        assert!(answers.failed >= 5, "one of ten is dropped: {answers:?}");
        assert_eq!(answers.reasons.values().sum::<u64>(), answers.failed, "{answers:?}");
        Ok(())
    }
}
