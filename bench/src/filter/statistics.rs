//! What can be said about noisy values: medians, and how far a median can be trusted.

/// How sure an interval is of holding the true median.
const CONFIDENCE: f64 = 0.95;

/// A difference in percent, and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Median of the differences of each round.
    pub percent: f64,
    /// Half of the width of the 95 % confidence interval of that median.
    pub spread: f64,
}

/// The value in the middle; not a number without values.
pub fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// By how much `values` differ from `base`, each from its neighbour of the same round: what disturbs a whole round
/// disturbs both.
pub fn difference(values: &[f64], base: &[f64]) -> Difference {
    let percents: Vec<f64> = values.iter().zip(base).map(|(value, base)| (value / base - 1.0) * 100.0).collect();
    let (low, high) = interval_of_median(&percents);
    Difference { percent: median(&percents), spread: (high - low) / 2.0 }
}

/// The confidence interval of the median by order statistics: it assumes nothing about the shape of the noise.
fn interval_of_median(values: &[f64]) -> (f64, f64) {
    let sorted = sorted(values);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return (f64::NAN, f64::NAN) };
    let outside = outside(sorted.len());
    let inner = |at: usize| sorted.get(at).copied();
    (inner(outside).unwrap_or(*first), sorted.len().checked_sub(outside + 1).and_then(inner).unwrap_or(*last))
}

/// How many values lie outside of the interval on each side: each value is below the true median as often as a fair
/// coin shows heads, so this is the largest number of heads that is unlikely enough, with all smaller ones together.
fn outside(count: usize) -> usize {
    let unlikely = (1.0 - CONFIDENCE) / 2.0;
    let mut chance = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let mut so_far = 0.0;
    for heads in 0..count {
        so_far += chance;
        if so_far > unlikely {
            return heads.saturating_sub(1);
        }
        chance *= (count - heads) as f64 / (heads + 1) as f64;
    }
    0
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_near(median(&[5.0, 1.0, 3.0]), 3.0);
        assert_near(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_interval_leaves_out_as_many_values_as_the_tables_say() {
        // Ranks of the 95 % interval in any table of the sign test: 1..6 of 6, 2..9 of 10, 6..15 of 20, 18..33 of 50.
        for (count, expected) in [(1, 0), (5, 0), (6, 0), (10, 1), (20, 5), (50, 17)] {
            assert_eq!(outside(count), expected, "of {count}");
        }
    }

    #[test]
    fn a_disturbance_of_a_whole_round_disturbs_no_difference() {
        let base = [20.0, 60.0, 25.0, 90.0, 21.0, 22.0];
        let found = difference(&base.map(|value| value * 1.1), &base);
        assert_near(found.percent, 10.0);
        assert_near(found.spread, 0.0);
    }

    #[test]
    fn nothing_differs_from_itself() {
        assert_eq!(difference(&[20.0, 30.0], &[20.0, 30.0]), Difference { percent: 0.0, spread: 0.0 });
    }

    /// Noise as it is on a shared machine: now and then a value is far too large, never far too small.
    #[test]
    fn the_interval_holds_the_true_median_as_often_as_promised() {
        const TRIALS: u32 = 4_000;
        let mut random = StdRng::seed_from_u64(7);
        let mut value = || -random.random_range(f64::EPSILON..1.0).ln();
        let holds = |_: &u32| {
            let values: Vec<f64> = (0..40).map(|_| value()).collect();
            let (low, high) = interval_of_median(&values);
            (low..=high).contains(&std::f64::consts::LN_2)
        };
        let share = f64::from((0..TRIALS).filter(holds).count() as u32) / f64::from(TRIALS);
        // 96.2 % for 40 values; the standard error of 4,000 trials is 0.3 %.
        assert!((0.945..=0.98).contains(&share), "{share}");
    }
}
