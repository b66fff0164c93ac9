//! The nginx that `bench balance` measures: a gateway like the others, which closes connections after a number of requests.
//! Not every machine has apt to get it from; the benchmark does without it then, and so does this.

use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::gateways::{Bed, Clients, GatewayStats, Plan, Traffic};
use evenkeel_tests::{EnvoyVersion, nginx, wait};

const CLIENTS: usize = 20;
const KEEPALIVE_REQUESTS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(30);

fn sum(stats: &[GatewayStats], value: impl Fn(&GatewayStats) -> u64) -> u64 {
    stats.iter().map(value).sum()
}

#[tokio::test]
async fn it_closes_connections_after_so_many_requests_and_no_request_fails() -> Result<()> {
    if let Err(missing) = nginx::find() {
        eprintln!("not run: {missing:#}");
        return Ok(());
    }
    let bed = Bed::start(&Plan::new(EnvoyVersion::NEWEST, 2).nginx(KEEPALIVE_REQUESTS)).await?;
    let clients = Clients { h1: CLIENTS, ..Clients::default() };
    let traffic = Traffic::start(bed.address().await?, clients, Duration::from_millis(20));
    let stats = async || bed.stats().await;
    let enough = |stats: &Vec<GatewayStats>| sum(stats, |gateway| gateway.closes) >= 3 * CLIENTS as u64;
    let seen = wait::until("each connection to be closed three times", PATIENCE, stats, enough).await?;
    let answers = traffic.stop().await?;
    assert_eq!(answers.failed, 0, "{answers:?}");
    assert!(seen.iter().all(|gateway| gateway.requests > 0), "both serve: {seen:?}");
    let (requests, closes) = (sum(&seen, |gateway| gateway.requests), sum(&seen, |gateway| gateway.closes));
    assert!(requests >= u64::from(KEEPALIVE_REQUESTS) * closes, "none before its time: {seen:?}");
    assert!(sum(&seen, |gateway| gateway.connections) <= CLIENTS as u64, "nginx counts clients only: {seen:?}");
    wait::until("no connection to be left", PATIENCE, stats, |stats| sum(stats, |gateway| gateway.connections) == 0)
        .await
        .map(drop)
}
