//! Where new connections land.
//!
//! A balancer that does not know the endpoints from us is blind: every member gets the same part. One that takes its
//! endpoints from `steer/` follows their weights. Nobody says which one is there, so that is learned from what the members
//! have accepted since connections move. And if it is neither, moving connections is in vain.

use crate::model::Weight;

/// How many connections the former belief is worth against what is observed.
const PRIOR: f64 = 2.0;
/// What was observed a step ago counts for so much: who receives changes while connections move.
const MEMORY: f64 = 0.84;
/// After so many doubtful steps in a row there is no doubt any more.
const DOUBTS: u32 = 6;
/// So many connections should have come before their absence means something.
const ENOUGH: f64 = 10.0;

/// What was observed since a rebalance began. Receivers are the members that had less than their share.
#[derive(Clone, Debug)]
pub struct Landing {
    belief: f64,
    accepted: f64,
    by_receivers: f64,
    blind: f64,
    steered: f64,
    /// So many steps in a row it looked as if connections landed elsewhere.
    elsewhere: u32,
}

/// Where what comes next should land.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    /// Whether a member has less than its share.
    pub receives: Vec<bool>,
    /// The part of all new connections that lands with each member, as a blind balancer spreads them.
    pub blind: Vec<f64>,
    /// The same for one that follows the weights.
    pub steered: Vec<f64>,
    /// These weights.
    pub weights: Vec<Weight>,
}

impl Landing {
    /// Nothing observed yet. `belief` is from 0, all balancers are blind, to 1, all follow the weights.
    pub fn believing(belief: f64) -> Self {
        Self { belief, accepted: 0.0, by_receivers: 0.0, blind: 0.0, steered: 0.0, elsewhere: 0 }
    }

    /// The members have accepted so many connections each since the forecast was made.
    pub fn observe(&mut self, accepted: &[f64], forecast: &Forecast) {
        self.belief = self.belief();
        for sum in [&mut self.by_receivers, &mut self.blind, &mut self.steered] {
            *sum *= MEMORY;
        }
        let all: f64 = accepted.iter().sum();
        let received = |parts: &[f64]| -> f64 {
            parts.iter().zip(&forecast.receives).filter(|(_, receives)| **receives).map(|(part, _)| part).sum()
        };
        self.accepted += all;
        self.by_receivers += received(accepted);
        self.blind += all * received(&forecast.blind);
        self.steered += all * received(&forecast.steered);
        // While there is doubt nothing is risked and little comes: what was seen must not fade before it is answered.
        let enough = self.blind >= ENOUGH || self.is_doubtful();
        let elsewhere = enough && self.by_receivers < 0.2 * self.blind;
        self.elsewhere = if elsewhere { self.elsewhere + 1 } else { 0 };
    }

    /// Connections that were accepted.
    pub fn accepted(&self) -> f64 {
        self.accepted
    }

    /// How far the balancers follow the weights, 0 to 1.
    pub fn belief(&self) -> f64 {
        let (followed, difference) = (self.by_receivers - self.blind, (self.steered - self.blind).max(0.0));
        ((followed + PRIOR * self.belief) / (difference + PRIOR)).clamp(0.0, 1.0)
    }

    /// Where each member is thought to get its part of new connections.
    pub fn parts(&self, forecast: &Forecast) -> Vec<f64> {
        let belief = self.belief();
        let part = |(blind, steered): (&f64, &f64)| blind + belief * (steered - blind);
        forecast.blind.iter().zip(&forecast.steered).map(part).collect()
    }

    /// Connections land where they are missing, at least as well as by chance.
    pub fn is_confirmed(&self) -> bool {
        self.by_receivers >= 2.0 && self.by_receivers >= 0.5 * self.blind
    }

    /// It looks as if they landed elsewhere: less than a fifth of what chance would bring. It may be that the members with
    /// too few have not reported yet.
    pub fn is_doubtful(&self) -> bool {
        self.elsewhere > 0
    }

    /// They land elsewhere, and everybody has had the time to say otherwise.
    pub fn is_refuted(&self) -> bool {
        self.elsewhere >= DOUBTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two full members and two empty ones, which have nearly all the weight.
    fn forecast() -> Forecast {
        Forecast {
            receives: vec![false, false, true, true],
            blind: vec![0.25; 4],
            steered: vec![0.01, 0.01, 0.49, 0.49],
            weights: Vec::new(),
        }
    }

    fn after(accepted: [f64; 4]) -> Landing {
        let mut landing = Landing::believing(1.0);
        landing.observe(&accepted, &forecast());
        landing
    }

    #[test]
    fn before_anything_is_observed_the_former_belief_holds() {
        assert!((Landing::believing(0.3).belief() - 0.3).abs() < 1e-9);
        let parts = Landing::believing(1.0).parts(&forecast());
        assert!((parts[3] - 0.49).abs() < 1e-9);
    }

    #[test]
    fn blind_balancers_are_recognised() {
        let landing = after([25.0; 4]);
        assert!(landing.belief() < 0.05, "{}", landing.belief());
        assert!(landing.is_confirmed() && !landing.is_refuted());
    }

    #[test]
    fn balancers_that_follow_the_weights_are_recognised() {
        let landing = after([1.0, 1.0, 49.0, 49.0]);
        assert!(landing.belief() > 0.95, "{}", landing.belief());
        assert!(landing.is_confirmed() && !landing.is_refuted());
    }

    #[test]
    fn connections_that_come_back_to_where_they_were_refute_both() {
        let mut landing = after([20.0, 20.0, 0.0, 0.0]);
        assert!(landing.is_doubtful() && !landing.is_refuted(), "others may report later");
        (0..5).for_each(|_| landing.observe(&[5.0, 5.0, 0.0, 0.0], &forecast()));
        assert!(landing.is_refuted());
        assert!(!after([4.0, 4.0, 0.0, 0.0]).is_doubtful(), "so few may be chance");
        let mut landing = after([12.0, 12.0, 0.0, 0.0]);
        (0..5).for_each(|_| landing.observe(&[0.0; 4], &forecast()));
        assert!(landing.is_refuted(), "nothing was risked since, and nobody has said otherwise");
        let mut landing = after([12.0, 12.0, 0.0, 0.0]);
        landing.observe(&[0.0, 0.0, 12.0, 12.0], &forecast());
        assert!(!landing.is_doubtful(), "they had not reported yet");
        assert!(!after([10.0, 10.0, 2.0, 2.0]).is_doubtful());
    }
}
