//! Ratios of noisy values, and how far they can be trusted.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

/// How often rounds are drawn again.
const DRAWS: usize = 1_000;
/// How sure the interval is of holding the true ratio.
const CONFIDENCE: f64 = 0.95;

/// One server's value divided by the other's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// As measured.
    pub value: f64,
    /// The ends of the 95 % confidence interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What an aim became.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval is at or below the aim.
    Met,
    /// The whole interval is above it.
    NotMet,
    /// The aim is within the interval.
    WithinNoise,
}

impl Verdict {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not met",
            Self::WithinNoise => "within noise",
        }
    }
}

impl Ratio {
    /// Of a statistic over two series of rounds. The interval comes from drawing rounds again and again, with replacement,
    /// from those that were measured (a bootstrap): it assumes nothing about the shape of the noise.
    pub fn of(statistic: impl Fn(&[f64]) -> f64, ours: &[f64], theirs: &[f64]) -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let mut drawn: Vec<f64> = (0..DRAWS)
            .map(|_| statistic(&redraw(ours, &mut random)) / statistic(&redraw(theirs, &mut random)))
            .collect();
        drawn.sort_by(f64::total_cmp);
        let at = |share: f64| drawn.get((share * DRAWS as f64) as usize).copied().unwrap_or(f64::NAN);
        let value = statistic(ours) / statistic(theirs);
        Self { value, low: at((1.0 - CONFIDENCE) / 2.0), high: at(f64::midpoint(1.0, CONFIDENCE)) }
    }

    /// Of values that were read once.
    pub fn exact(ours: f64, theirs: f64) -> Self {
        let value = ours / theirs;
        Self { value, low: value, high: value }
    }

    /// Whether the two could as well be equal.
    pub fn is_noise(&self) -> bool {
        (self.low..=self.high).contains(&1.0)
    }

    /// How this compares with the largest ratio that is wanted.
    pub fn verdict(&self, aim: f64) -> Verdict {
        if self.high <= aim {
            Verdict::Met
        } else if self.low > aim {
            Verdict::NotMet
        } else {
            Verdict::WithinNoise
        }
    }
}

/// The value that this share of the values is not above; not a number without values.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// The sum divided by the count; not a number without values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn redraw(values: &[f64], random: &mut StdRng) -> Vec<f64> {
    values.iter().map(|_| values[random.random_range(0..values.len())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p50(values: &[f64]) -> f64 {
        percentile(values, 0.5)
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let at = |share| percentile(&values, share).round() as u32;
        assert_eq!([at(0.5), at(0.99), at(1.0)], [50, 99, 100]);
        assert_eq!(percentile(&[3.0], 0.99).round() as u32, 3);
        assert!(percentile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_clear_difference_is_none_of_the_noise() {
        let theirs: Vec<f64> = (0..50).map(|round| 100.0 + f64::from(round % 10)).collect();
        let ours: Vec<f64> = theirs.iter().map(|value| value / 2.0).collect();
        let ratio = Ratio::of(p50, &ours, &theirs);
        assert!((ratio.value - 0.5).abs() < 1e-9);
        assert!(ratio.low > 0.45 && ratio.high < 0.55 && !ratio.is_noise());
        assert_eq!(
            [ratio.verdict(0.6), ratio.verdict(0.5), ratio.verdict(0.4)].map(Verdict::name),
            ["met", "within noise", "not met"]
        );
    }

    #[test]
    fn equal_noisy_values_differ_by_noise() {
        let mut random = StdRng::seed_from_u64(1);
        let mut draw = || (0..30).map(|_| random.random_range(1.0..5.0)).collect::<Vec<f64>>();
        assert!(Ratio::of(mean, &draw(), &draw()).is_noise());
    }

    #[test]
    fn what_was_read_once_has_no_interval() {
        assert_eq!(Ratio::exact(1.0, 4.0), Ratio { value: 0.25, low: 0.25, high: 0.25 });
    }
}
