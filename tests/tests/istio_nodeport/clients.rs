//! Clients of the balancer: so many requests are always under way, and as many connections are kept behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use evenkeel_tests::raw_http1::RawHttp1;
use tokio::task::JoinSet;

/// Each takes a while, so that they overlap.
const PATH: &str = "/delay/400";

/// Running clients; they end when dropped.
pub struct Clients {
    tasks: JoinSet<Result<()>>,
    is_over: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
}

impl Clients {
    /// Starts so many.
    pub fn start(target: SocketAddr, count: usize) -> Self {
        let (is_over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            tasks.spawn(send(target, Arc::clone(&is_over), Arc::clone(&served)));
        }
        Self { tasks, is_over, served }
    }

    /// Ends them. Says how many requests were served.
    ///
    /// # Errors
    /// When one of them was not.
    pub async fn stop(mut self) -> Result<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.context("a client has panicked")??;
        }
        Ok(self.served.load(Ordering::Relaxed))
    }

    /// Fails when a request has failed.
    pub fn check(&mut self) -> Result<()> {
        match self.tasks.try_join_next() {
            Some(ended) => ended.context("a client has panicked")?,
            None => Ok(()),
        }
    }
}

async fn send(target: SocketAddr, is_over: Arc<AtomicBool>, served: Arc<AtomicU64>) -> Result<()> {
    let mut connection = RawHttp1::connect(target).await?;
    while !is_over.load(Ordering::Relaxed) {
        let answer = connection.get(PATH, &[]).await?;
        ensure!(answer.status == 200 && !answer.closes_connection(), "{answer:?}");
        served.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
