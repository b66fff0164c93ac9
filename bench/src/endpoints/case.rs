//! What is measured: how many streams, how many endpoints, which transport.

use std::time::{Duration, Instant};

use super::transport::Transport;

/// Streams that are open at a time.
const STREAMS: [u32; 3] = [1, 100, 1_000];
/// Endpoints of the one service.
const ENDPOINTS: [u32; 2] = [100, 10_000];

/// One point of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// How clients subscribe.
    pub transport: Transport,
    /// How many of them.
    pub streams: u32,
    /// How many endpoints the service has.
    pub endpoints: u32,
}

impl Case {
    /// All, small ones first.
    pub fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for endpoints in ENDPOINTS {
            for streams in STREAMS {
                cases.extend(Transport::ALL.map(|transport| Self { transport, streams, endpoints }));
            }
        }
        cases
    }

    /// Whether this is the one that aims are set for.
    pub fn has_aims(self) -> bool {
        self.streams == 1_000 && self.endpoints == 10_000
    }

    /// How long to measure.
    pub fn effort(self, quick: bool) -> Effort {
        let seconds = Duration::from_secs;
        match (quick, self.has_aims()) {
            (true, _) => Effort { warm_up: 1, least: 3, most: 30, about: seconds(1) },
            (false, false) => Effort { warm_up: 5, least: 30, most: 300, about: seconds(8) },
            (false, true) => Effort { warm_up: 2, least: 15, most: 100, about: seconds(60) },
        }
    }
}

/// How many rounds are measured: one change of each server is a round.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds before the first that counts.
    pub warm_up: u32,
    /// Rounds at least.
    least: u32,
    /// Rounds at most.
    most: u32,
    /// Between these, as many as fit.
    about: Duration,
}

impl Effort {
    /// Whether so many rounds are enough.
    pub fn is_enough(&self, rounds: u32, since: Instant) -> bool {
        rounds >= self.most || (rounds >= self.least && since.elapsed() >= self.about)
    }
}
