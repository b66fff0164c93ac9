//! One client through one gateway.

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::client::Client;

use super::evidence::Evidence;
use super::gateway::{Caps, Gateway, Limit};
use super::mix::Traffic;

/// On a fast machine a round of the mix may be over in little more than the age of one connection: then more follow.
const LEAST_DRAINS_BY_AGE: u64 = 20;
/// Rounds after which too few drains are a failure of the filter and not of the machine's speed.
const MOST_ROUNDS: usize = 10;

/// What was sent, and what became of it.
#[derive(Debug)]
pub struct Run {
    pub limit: Limit,
    pub caps: Caps,
    pub traffic: Traffic,
    pub evidence: Evidence,
}

impl Run {
    /// Sends the mix, again until enough connections were drained, and takes the evidence.
    pub async fn complete(version: EnvoyVersion, client: Client, limit: Limit, caps: Caps) -> Result<Self> {
        let gateway = Gateway::start(version, limit, caps).await?;
        let mut traffic = Traffic::default();
        for _ in 0..MOST_ROUNDS {
            traffic.extend(Traffic::send(client, gateway.address().await?).await?);
            if gateway.drains().await? >= LEAST_DRAINS_BY_AGE {
                break;
            }
        }
        let evidence = Evidence::take(&gateway, &traffic).await?;
        Ok(Self { limit, caps, traffic, evidence })
    }

    /// The drains that prove the limit: a connection takes at most twice its requests, with what is in flight.
    pub fn least_drains(&self) -> u64 {
        match self.limit {
            Limit::Age => LEAST_DRAINS_BY_AGE,
            Limit::Requests => self.traffic.requests() / 100,
        }
    }
}
