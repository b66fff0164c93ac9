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
/// coin shows heads, so this is the largest number of heads that is still as unlikely as it may be.
fn outside(count: usize) -> usize {
    let unlikely = (1.0 - CONFIDENCE) / 2.0;
    let mut chance = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let (mut sum, mut heads) = (chance, 0);
    while sum <= unlikely && heads < count {
        heads += 1;
        chance *= (count - heads + 1) as f64 / heads as f64;
        sum += chance;
    }
    heads
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[5.0, 1.0, 3.0]).to_bits(), 3.0_f64.to_bits());
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]).to_bits(), 2.5_f64.to_bits());
        assert!(median(&[]).is_nan());
    }
}
