//! What was measured, before anything is made of it.

use super::load::Protocol;
use super::variant::Variant;

/// The CPU time of one burst.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Whose.
    pub variant: Variant,
    /// What client and upstream spoke.
    pub protocol: Protocol,
    /// Per request.
    pub microseconds: f64,
}

/// All that counts, in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Sample>);

impl Samples {
    /// Adds one round.
    pub fn extend(&mut self, round: Vec<Sample>) {
        self.0.extend(round);
    }

    /// CPU microseconds per request of one variant, one value per round.
    pub fn of(&self, variant: Variant, protocol: Protocol) -> Vec<f64> {
        let wanted = |sample: &&Sample| (sample.variant, sample.protocol) == (variant, protocol);
        self.0.iter().filter(wanted).map(|sample| sample.microseconds).collect()
    }
}
