//! Waiting for a condition instead of sleeping.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time::sleep;

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// Looks at `observe` until `accepts` likes what it saw, and returns that.
///
/// A failed observation counts as not yet: a server that is starting refuses connections.
///
/// # Errors
/// After `patience`: what was waited for and what was seen last.
pub async fn until<T: Debug>(
    what: &str,
    patience: Duration,
    mut observe: impl AsyncFnMut() -> Result<T>,
    accepts: impl Fn(&T) -> bool,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        let seen = observe().await;
        match seen {
            Ok(value) if accepts(&value) => return Ok(value),
            seen if Instant::now() >= deadline => bail!("waited {patience:?} for {what}, last seen: {seen:?}"),
            _ => sleep(INTERVAL).await,
        }
    }
}
