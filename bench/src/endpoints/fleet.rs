//! Many clients of one server.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::stream::{StreamExt, TryStreamExt, iter};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::client::Client;
use super::tally::Tally;
use super::transport::{Subscription, Transport};

/// How many connections are being opened at a time.
const OPENING: usize = 64;
/// How long all clients may take to acknowledge one change.
const PATIENCE: Duration = Duration::from_mins(1);

/// Clients that all subscribe to the same resource, each on a connection of its own.
pub struct Fleet {
    tally: Arc<Tally>,
    clients: JoinSet<Result<()>>,
}

impl Fleet {
    /// Opens the streams and waits until each has its first answer.
    pub async fn open(server: SocketAddr, transport: Transport, name: &'static str, size: u32) -> Result<Self> {
        let tally = Arc::new(Tally::new(u64::from(size)));
        let open = |number: u32| {
            let subscription = Subscription { transport, name, node: format!("proxy-{number}") };
            Client::open(server, subscription, tally.clone())
        };
        let opened: Vec<Client> = iter(0..size).map(open).buffer_unordered(OPENING).try_collect().await?;
        let mut clients = JoinSet::new();
        for client in opened {
            clients.spawn(client.run());
        }
        let mut fleet = Self { tally, clients };
        fleet.all_acknowledged().await.context("the first answers")?;
        Ok(fleet)
    }

    /// Waits until every client has acknowledged one more response, and says when the last one did.
    ///
    /// # Errors
    /// When a client loses its stream, or after a minute.
    pub async fn all_acknowledged(&mut self) -> Result<Duration> {
        tokio::select! {
            complete = timeout(PATIENCE, self.tally.all_acknowledged()) => {
                complete.with_context(|| format!("not all streams have answered after {PATIENCE:?}"))
            }
            lost = lost(&mut self.clients) => Err(lost),
        }
    }

    /// Bytes that were read so far.
    pub fn bytes(&self) -> u64 {
        self.tally.bytes()
    }

    /// Fails unless each client was sent exactly one response per change, and one before.
    pub fn check_responses(&self, changes: u64) -> Result<()> {
        let (expected, found) = (self.tally.clients() * (changes + 1), self.tally.acknowledgements());
        if found != expected {
            bail!("{changes} changes should be {expected} responses and were {found}");
        }
        Ok(())
    }
}

async fn lost(clients: &mut JoinSet<Result<()>>) -> anyhow::Error {
    match clients.join_next().await {
        None => pending().await,
        Some(Ok(Err(error))) => error.context("a client has lost its stream"),
        Some(ended) => anyhow::anyhow!("a client has ended: {ended:?}"),
    }
}
