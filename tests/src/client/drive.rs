//! Drives the clients that are written in Rust.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::{Load, Outcome};

/// A request that takes longer has failed.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a load on threads of its own, so that every client has the same conditions whatever runtime the test has.
pub(super) async fn on_own_threads<F>(threads: usize, load: impl FnOnce() -> F + Send + 'static) -> Result<Outcome>
where
    F: Future<Output = Result<Outcome>>,
{
    let run = move || runtime(threads)?.block_on(load());
    spawn_blocking(run).await.context("the load has panicked")?
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    match threads {
        1 => Builder::new_current_thread().enable_all().build(),
        more => Builder::new_multi_thread().worker_threads(more).enable_all().build(),
    }
}

/// Calls `send` for every id, `concurrency` at a time. `send` gives the reason when a request fails.
pub(super) async fn drive<F>(load: &Load, send: impl Fn(String) -> F + Clone + Send + 'static) -> Result<Outcome>
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let next = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..load.concurrency {
        callers.spawn(caller(load.clone(), Arc::clone(&next), send.clone()));
    }
    let mut outcome = Outcome { requests: load.requests, ..Outcome::default() };
    while let Some(failures) = callers.join_next().await {
        outcome.add(failures.context("a caller has panicked")?);
    }
    outcome.ok = load.requests - outcome.failed;
    Ok(outcome)
}

/// One caller: a request after another until all numbers are taken; returns the failed ones.
async fn caller<F>(load: Load, next: Arc<AtomicU64>, send: impl Fn(String) -> F) -> BTreeMap<String, String>
where
    F: Future<Output = Result<(), String>>,
{
    let mut failures = BTreeMap::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.requests {
            return failures;
        }
        let id = load.id(number);
        let result = timeout(REQUEST_TIMEOUT, send(id.clone())).await;
        if let Err(reason) = result.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            failures.insert(id, reason);
        }
    }
}

impl Outcome {
    fn add(&mut self, failures: BTreeMap<String, String>) {
        for (id, reason) in failures {
            self.failed += 1;
            self.failed_ids.push(id);
            *self.errors.entry(reason).or_default() += 1;
        }
    }
}

/// An error with its causes, in one line.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An error and what caused it, outermost first.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| -> Option<&'a (dyn Error + 'static)> { (*error).source() })
}
