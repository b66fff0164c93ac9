//! One client through one gateway.

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::client::Client;
use tokio::try_join;

use super::evidence::Evidence;
use super::gateway::{Caps, Gateway, Limit};
use super::mix::Traffic;

/// On a fast machine a round of the mix may be over in little more than the age of one connection: then more follow.
const LEAST_DRAINS_BY_AGE: u64 = 10;
/// Rounds after which too few drains are a failure of the filter and not of the machine's speed.
const MOST_ROUNDS: usize = 10;

/// A client, and the Envoy that it talks to.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub version: EnvoyVersion,
    pub client: Client,
    /// Threads of a client that is written in Rust.
    pub threads: usize,
}

/// What was sent, and what became of it.
#[derive(Debug)]
pub struct Run {
    pub limit: Limit,
    pub traffic: Traffic,
    pub evidence: Evidence,
}

/// What happened with Evenkeel's caps, and beside it with Envoy's own.
#[derive(Debug)]
pub struct Pair {
    pub evenkeel: Run,
    pub native: Run,
}

impl Case {
    /// Sends the same through two gateways at the same time.
    pub async fn side_by_side(self, limit: Limit) -> Result<Pair> {
        let (evenkeel, native) = try_join!(self.run(limit, Caps::Evenkeel), self.run(limit, Caps::Native))?;
        Ok(Pair { evenkeel, native })
    }

    /// Whether Envoy's own caps make the client fail in these words: in what was sent already, or in what is sent now.
    pub async fn fails_with_native_caps(self, words: &str, pairs: &[Pair]) -> Result<bool> {
        let fails = |traffic: &Traffic| traffic.errors().keys().any(|error| error.ends_with(words));
        if pairs.iter().any(|pair| fails(&pair.native.traffic)) {
            return Ok(true);
        }
        let gateway = Gateway::start(self.version, Limit::Requests, Caps::Native).await?;
        for _ in 0..MOST_ROUNDS {
            if fails(&Traffic::send(self.client, self.threads, &gateway).await?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sends the mix, again until enough connections were drained, and takes the evidence.
    async fn run(self, limit: Limit, caps: Caps) -> Result<Run> {
        let gateway = Gateway::start(self.version, limit, caps).await?;
        let mut traffic = Traffic::default();
        for _ in 0..MOST_ROUNDS {
            traffic.extend(Traffic::send(self.client, self.threads, &gateway).await?);
            if gateway.drains().await? >= LEAST_DRAINS_BY_AGE {
                break;
            }
        }
        let evidence = Evidence::take(&gateway, &traffic).await?;
        // What a failing test shows, of both kinds of caps.
        println!("{self:?}, {limit:?}, {caps:?}: {:?}, {evidence:?}", traffic.errors());
        Ok(Run { limit, traffic, evidence })
    }
}

impl Run {
    /// The drains that prove the limit: a connection takes at most twice its requests, with what is in flight.
    pub fn least_drains(&self) -> u64 {
        match self.limit {
            Limit::Age => LEAST_DRAINS_BY_AGE,
            Limit::Requests => self.traffic.requests() / 100,
        }
    }
}
