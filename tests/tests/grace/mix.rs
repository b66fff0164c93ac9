//! What every client sends: all kinds that it knows, at the same time, each from a client of its own.

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;

use anyhow::Result;
use evenkeel_tests::client::{Client, Kind, Load, Outcome};
use futures::future::try_join_all;

use super::gateway::{Caps, Gateway};

/// Clients that send small requests; more than one, so that HTTP/2 has more than one connection.
const SMALL_LOADS: usize = 4;

/// How many requests of each sort one round has.
#[derive(Clone, Copy, Debug)]
struct Amounts {
    small: u64,
    large: u64,
    streams: u64,
}

impl Amounts {
    /// `EVENKEEL_SOAK=1` makes it a million small requests. Envoy's own caps, the yardstick, get half of it.
    fn with(caps: Caps) -> Self {
        let times = if env::var("EVENKEEL_SOAK").is_ok_and(|value| value == "1") { 50 } else { 1 };
        let part = if caps == Caps::Evenkeel { 1 } else { 2 };
        Self { small: 20_000 * times / part, large: 300 * times / part, streams: 192 * times / part }
    }

    fn load(self, target: SocketAddr, kind: Kind) -> Load {
        match kind {
            // More at a time than a connection may have requests: those above the cap are in flight when it drains.
            Kind::ServerStream => Load::new(target, kind, self.streams, 64),
            large if !large.is_small() => Load::new(target, kind, self.large, 4),
            _ => Load::new(target, kind, self.small / SMALL_LOADS as u64, 8),
        }
    }
}

/// Loads, and what became of them.
#[derive(Debug, Default)]
pub struct Traffic(Vec<(Load, Outcome)>);

impl Traffic {
    /// Sends one round of the mix, each client on so many threads if it is written in Rust.
    pub async fn send(client: Client, threads: usize, gateway: &Gateway) -> Result<Self> {
        let (amounts, target) = (Amounts::with(gateway.caps), gateway.address().await?);
        let loads = kinds(client).map(|kind| amounts.load(target, kind).threads(threads));
        let runs = loads.map(async |load| {
            let outcome = client.run(&load).await?;
            anyhow::Ok((load, outcome))
        });
        Ok(Self(try_join_all(runs).await?))
    }

    /// Adds another round.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub fn loads(&self) -> &[(Load, Outcome)] {
        &self.0
    }

    /// Requests that callers made.
    pub fn requests(&self) -> u64 {
        self.sum(|outcome| outcome.requests)
    }

    /// Requests that were answered completely and rightly.
    pub fn ok(&self) -> u64 {
        self.sum(|outcome| outcome.ok)
    }

    /// Requests that failed in the callers' eyes.
    pub fn failed(&self) -> u64 {
        self.sum(|outcome| outcome.failed)
    }

    /// Requests at a time, over all loads.
    pub fn callers(&self) -> u64 {
        self.0.iter().map(|(load, _)| load.concurrency as u64).sum()
    }

    /// Requests at a time of the one load that has most.
    pub fn most_callers(&self) -> u64 {
        self.0.iter().map(|(load, _)| load.concurrency as u64).max().unwrap_or(0)
    }

    /// Connections that the clients opened, where their library lets us count them.
    pub fn dials(&self) -> Option<u64> {
        self.0.iter().map(|(_, outcome)| outcome.dials).sum()
    }

    /// How often each error text came.
    pub fn errors(&self) -> BTreeMap<String, u64> {
        let mut errors = BTreeMap::new();
        for (text, times) in self.0.iter().flat_map(|(_, outcome)| &outcome.errors) {
            *errors.entry(text.clone()).or_default() += times;
        }
        errors
    }

    fn sum(&self, of: impl Fn(&Outcome) -> u64) -> u64 {
        self.0.iter().map(|(_, outcome)| of(outcome)).sum()
    }
}

/// The small kinds in turn, and each other kind once.
fn kinds(client: Client) -> impl Iterator<Item = Kind> {
    let kinds = client.kinds().iter().copied();
    let small = kinds.clone().filter(|kind| kind.is_small()).cycle().take(SMALL_LOADS);
    small.chain(kinds.filter(|kind| !kind.is_small()))
}
