//! Persistent clients at a steady rate: one connection each, kept until the server tells it to go.

mod connection;
mod counts;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::counts::{Counts, Snapshot};

/// What a persistent client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// HTTP/1.1 keep-alive, one request after another.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
    /// Unary gRPC calls.
    Grpc,
}

/// A group of equal persistent clients.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    /// Whom they talk to.
    pub target: SocketAddr,
    /// What they speak.
    pub protocol: Protocol,
    /// How many clients; each holds one connection.
    pub connections: usize,
    /// Requests per second of each client.
    pub rate: f64,
}

impl Steady {
    /// Starts the clients on the current runtime; their first requests are spread over one period.
    pub fn start(self) -> RunningClients {
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = watch::channel(false);
        let mut clients = JoinSet::new();
        for number in 0..self.connections {
            let delay = self.period().mul_f64(number as f64 / self.connections as f64);
            clients.spawn(connection::client(self, delay, Arc::clone(&counts), stopped.clone()));
        }
        RunningClients { counts, stop, clients }
    }

    fn period(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }
}

/// Clients that are running; dropping this ends them in the middle of what they do.
#[derive(Debug)]
pub struct RunningClients {
    counts: Arc<Counts>,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

impl RunningClients {
    /// The counts, live; may be kept and read by others.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Lets each client finish its request, closes the connections and returns the counts.
    ///
    /// # Errors
    /// When a client has panicked.
    pub async fn stop(mut self) -> Result<Snapshot> {
        self.stop.send_replace(true);
        while let Some(ended) = self.clients.join_next().await {
            ended.context("a client has panicked")?;
        }
        Ok(self.counts.snapshot())
    }
}
