//! Clients of the proxy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::wait;
use futures::future::try_join_all;
use tokio::time::sleep;

use super::place::Place;

/// How many there are under load.
pub const CLIENTS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(20);

/// A new connection that has been served.
pub async fn serving(place: Place) -> Result<RawHttp1> {
    let connect = async || {
        let mut connection = place.connect().await?;
        let answer = connection.get("/", &[]).await?;
        ensure!(answer.status == 200 && !answer.closes_connection(), "{answer:?}");
        Ok(connection)
    };
    wait::until("the proxy to serve", PATIENCE, connect, |_| true).await
}

/// What `steps` comes to while clients send one request after another, and how many connections they have had.
///
/// # Errors
/// When any request is not answered with 200.
pub async fn under_load<T>(place: Place, steps: impl Future<Output = Result<T>>) -> Result<(usize, T)> {
    let is_over = AtomicBool::new(false);
    let clients = try_join_all((0..CLIENTS).map(|_| send_until(place, &is_over)));
    let steps = async {
        let outcome = steps.await;
        is_over.store(true, Ordering::Relaxed);
        outcome
    };
    let (connections, outcome) = tokio::try_join!(clients, steps)?;
    Ok((connections.into_iter().sum(), outcome))
}

/// Goes on with a new connection when an answer was the last one. Says how many there were.
async fn send_until(place: Place, is_over: &AtomicBool) -> Result<usize> {
    let mut connections = 0;
    while !is_over.load(Ordering::Relaxed) {
        let mut connection = place.connect().await?;
        connections += 1;
        while !is_over.load(Ordering::Relaxed) {
            let answer = connection.get("/", &[]).await?;
            ensure!(answer.status == 200, "{answer:?}");
            if answer.closes_connection() {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(connections)
}
