//! What was measured, before anything is made of it.

use super::load::Protocol;
use super::variant::Variant;

/// CPU microseconds per request, one value per round.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<(Variant, Protocol, Vec<f64>)>);

impl Samples {
    /// Adds the value of the next round.
    pub fn add(&mut self, variant: Variant, protocol: Protocol, microseconds: f64) {
        let known = self.0.iter_mut().find(|(v, p, _)| (*v, *p) == (variant, protocol));
        match known {
            Some((.., values)) => values.push(microseconds),
            None => self.0.push((variant, protocol, vec![microseconds])),
        }
    }

    /// The values of one variant, in the order of the rounds.
    pub fn of(&self, variant: Variant, protocol: Protocol) -> &[f64] {
        let found = self.0.iter().find(|(v, p, _)| (*v, *p) == (variant, protocol));
        found.map_or(&[], |(.., values)| values)
    }
}
