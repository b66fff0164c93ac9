//! A gateway in front of two services, with clusters named as istiod names them. Only `reviews` is ever capped.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::{Backend, CONNECTION_HEADER};
use evenkeel_tests::bootstrap::{Cluster, ConnectionLimits};
use evenkeel_tests::client::{Client, Kind, Load};
use evenkeel_tests::gateway::{Gateway, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use serde_json::{Value, json};

pub const REVIEWS: &str = "outbound|80||reviews.shop.svc.cluster.local";
pub const RATINGS: &str = "outbound|80||ratings.shop.svc.cluster.local";
pub const CONCURRENCY: usize = 32;
/// Two rotation periods of one second.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

pub struct Bed {
    pub gateway: Gateway,
    pub reviews: Backend,
    pub ratings: Backend,
}

impl Bed {
    pub async fn start(version: EnvoyVersion, plan: Plan, http2: bool) -> Result<Self> {
        let (reviews, ratings) = (Backend::start()?, Backend::start()?);
        let limits = ConnectionLimits { idle_timeout: Some(IDLE_TIMEOUT), ..ConnectionLimits::default() };
        let clusters =
            [Cluster::new(REVIEWS, &[reviews.address()]).limits(limits), Cluster::new(RATINGS, &[ratings.address()])];
        let plan = plan.destinations(clusters.map(|cluster| if http2 { cluster.http2() } else { cluster }));
        Ok(Self { gateway: plan.start(version).await?, reviews, ratings })
    }

    /// Requests to both services by chance; none of them fails or is executed twice.
    pub async fn no_failure_of(&self, requests: u64) -> Result<()> {
        let load = Load::new(self.gateway.address, Kind::Post, requests, CONCURRENCY);
        let outcome = Client::HyperHttp1.run(&load).await?;
        ensure!(outcome.failed == 0, "{:?}", outcome.errors);
        for backend in [&self.reviews, &self.ratings] {
            let twice = backend.record().executed_twice();
            ensure!(twice.is_empty(), "executed twice: {twice:?}");
        }
        Ok(())
    }

    pub fn total(&self) -> u64 {
        self.reviews.record().total() + self.ratings.record().total()
    }

    pub async fn client(&self) -> Result<RawHttp1> {
        RawHttp1::connect(self.gateway.address).await
    }
}

/// The number of the upstream connection that a request to this service went out on. The client's connection stays.
pub async fn served_by(client: &mut RawHttp1, service: &str) -> Result<u64> {
    let answer = client.get(&format!("/{service}/"), &[]).await?;
    ensure!(answer.status == 200 && !answer.closes_connection(), "{answer:?}");
    Ok(answer.header(CONNECTION_HEADER).context("the backend did not answer")?.parse()?)
}

/// Of so many requests.
pub async fn served_in_turn(client: &mut RawHttp1, service: &str, requests: usize) -> Result<Vec<u64>> {
    let mut seen = Vec::new();
    for _ in 0..requests {
        seen.push(served_by(client, service).await?);
    }
    Ok(seen)
}

/// How many requests a service got on each connection.
pub fn served_per_connection(backend: &Backend) -> Vec<u64> {
    backend.record().connections().iter().map(|connection| connection.requests()).collect()
}

/// The settings that cap `reviews` so.
pub fn reviews(caps: Value) -> Value {
    let mut destination = caps;
    destination["host"] = json!("reviews.shop.svc.cluster.local");
    json!({"outbound": {"destinations": [destination]}})
}
