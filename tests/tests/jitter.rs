//! Jitter: the limits of connections that are opened at once are spread evenly over [L (1 - jitter), L], as documented,
//! and drawn anew by every Envoy.
//!
//! Evenness is judged by the test of Kolmogorov and Smirnov. Its error level is one in a million: so often it would
//! fail although nothing is wrong.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use evenkeel_tests::gateway::Plan;
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::time::sleep;

on_each_envoy! {
    ages_are_spread_evenly_between_their_bounds,
    request_counts_are_spread_evenly_between_their_bounds,
    every_envoy_draws_anew,
}

const CONNECTIONS: usize = 500;
/// How often the test may fail although the limits are spread evenly.
const ERROR_LEVEL: f64 = 1e-6;
const JITTER: f64 = 0.5;
const MAX_AGE: Duration = Duration::from_secs(4);
/// How often the filter looks at ages under [`by_age`], and how often these clients look.
const TICK: Duration = Duration::from_millis(50);
const POLL: Duration = Duration::from_millis(100);
const MAX_REQUESTS: u32 = 100;

async fn ages_are_spread_evenly_between_their_bounds(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::new(by_age()).with_request().start(version).await?;
    let opened = Barrier::new(CONNECTIONS);
    let lives = try_join_all((0..CONNECTIONS).map(|_| age_at_drain(gateway.address, &opened))).await?;
    assert!(lives.iter().all(|life| life.at_most >= MAX_AGE.mul_f64(1.0 - JITTER)), "drained too early: {lives:?}");
    // A machine that is busy with other things may let Envoy's timer fire late; half a second is more than it needs.
    let latest = MAX_AGE + TICK + Duration::from_millis(500);
    assert!(lives.iter().all(|life| life.at_least <= latest), "drained too late: {lives:?}");
    let shares: Vec<f64> = lives.iter().map(|life| share(life.middle().as_secs_f64(), MAX_AGE.as_secs_f64())).collect();
    // What clients see of an age is blurred by the tick and by how often they look.
    let blur = (TICK + POLL).as_secs_f64() / (MAX_AGE.as_secs_f64() * JITTER);
    is_uniform(shares, blur)
}

async fn request_counts_are_spread_evenly_between_their_bounds(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::new(by_requests()).with_request().workers(2).start(version).await?;
    let counts = try_join_all((0..CONNECTIONS).map(|_| requests_until_drained(gateway.address))).await?;
    let lowest = MAX_REQUESTS / 2 + 1;
    assert!(counts.iter().all(|count| (lowest..=MAX_REQUESTS).contains(count)), "{counts:?}");
    // Counts are rounded up: one request is one fiftieth of the spread.
    is_uniform(counts.iter().map(|count| share(f64::from(*count), f64::from(MAX_REQUESTS))).collect(), 0.02)
}

/// Twenty draws of fifty: two Envoys that draw alike would do so by chance once in 10^34 runs.
async fn every_envoy_draws_anew(version: EnvoyVersion) -> Result<()> {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let gateway = Plan::new(by_requests()).with_request().start(version).await?;
        let mut counts = Vec::new();
        for _ in 0..20 {
            counts.push(requests_until_drained(gateway.address).await?);
        }
        seen.push(counts);
    }
    assert_ne!(seen[0], seen[1]);
    assert!(seen.iter().all(|counts| counts.iter().any(|count| count != &counts[0])), "all alike: {seen:?}");
    Ok(())
}

/// The grace does nothing here but make the filter look every 50 ms instead of every 200.
fn by_age() -> Value {
    json!({"inbound": {"maxAge": "4s", "jitter": JITTER, "streamGrace": "1s"}})
}

fn by_requests() -> Value {
    json!({"inbound": {"maxRequests": MAX_REQUESTS, "jitter": JITTER}})
}

/// Between which ages a connection was drained, as its client knows it.
#[derive(Clone, Copy, Debug)]
struct Life {
    /// From the first answer to the last request that was answered as usual.
    at_least: Duration,
    /// From before it was opened to the answer that drained it.
    at_most: Duration,
}

impl Life {
    fn middle(self) -> Duration {
        (self.at_least + self.at_most) / 2
    }
}

async fn age_at_drain(gateway: SocketAddr, opened: &Barrier) -> Result<Life> {
    let begin = Instant::now();
    let mut connection = RawHttp1::connect(gateway).await?;
    ensure!(!connection.get("/direct", &[]).await?.closes_connection());
    let (first_answer, mut last_usual) = (Instant::now(), Instant::now());
    opened.wait().await;
    loop {
        sleep(POLL).await;
        let sent = Instant::now();
        if connection.get("/direct", &[]).await?.closes_connection() {
            let at_least = last_usual.saturating_duration_since(first_answer);
            return Ok(Life { at_least, at_most: begin.elapsed() });
        }
        last_usual = sent;
    }
}

async fn requests_until_drained(gateway: SocketAddr) -> Result<u32> {
    let mut connection = RawHttp1::connect(gateway).await?;
    let mut requests = 1;
    while !connection.get("/direct", &[]).await?.closes_connection() {
        requests += 1;
    }
    Ok(requests)
}

/// What a connection must have drawn, from 0 for the whole limit to 1 for the least that jitter leaves of it.
fn share(limit: f64, configured: f64) -> f64 {
    (configured - limit) / (configured * JITTER)
}

/// Kolmogorov and Smirnov: the empirical distribution function is nowhere further from the uniform one than chance,
/// and the `blur` of the measurement, let it be.
fn is_uniform(mut shares: Vec<f64>, blur: f64) -> Result<()> {
    shares.sort_by(f64::total_cmp);
    let count = shares.len() as f64;
    let steps = shares.iter().enumerate().map(|(rank, share)| (share - rank as f64 / count).abs());
    let distance = steps.max_by(f64::total_cmp).context("no connections")?;
    // The bound of Dvoretzky, Kiefer and Wolfowitz, with Massart's constant.
    let allowed = ((2.0 / ERROR_LEVEL).ln() / (2.0 * count)).sqrt() + 1.0 / count + blur;
    ensure!(distance <= allowed, "distance {distance:.3} from uniform, {allowed:.3} allowed: {shares:.3?}");
    Ok(())
}
