//! Weights for balancers that take their endpoints from `steer/`.

use crate::model::Weight;

/// Weights in proportion to what is missing: the largest is the largest there is, and nobody has none, since xDS knows no
/// weight of zero.
pub fn towards(missing: &[f64]) -> Vec<Weight> {
    let largest = missing.iter().copied().fold(0.0, f64::max);
    missing.iter().map(|missing| if largest > 0.0 { quantised(missing / largest) } else { Weight::ONE }).collect()
}

/// Weights while nothing moves: those of the members, or none when they are equal.
pub fn at_rest(weights: &[f64]) -> Option<Vec<Weight>> {
    let equal = weights.windows(2).all(|pair| (pair[0] - pair[1]).abs() < f64::EPSILON);
    (!equal).then(|| towards(weights))
}

/// The part of all new connections that these weights give to each, when `others` have a weight of one.
pub fn parts(weights: &[Weight], others: usize) -> Vec<f64> {
    let sum: u32 = weights.iter().map(|weight| weight.get()).sum();
    let sum = f64::from(sum) + others as f64;
    weights.iter().map(|weight| f64::from(weight.get()) / sum.max(1.0)).collect()
}

fn quantised(part: f64) -> Weight {
    Weight::try_from((part * f64::from(Weight::MAX.get())).round() as i64).unwrap_or(Weight::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(weights: &[Weight]) -> Vec<u32> {
        weights.iter().map(|weight| weight.get()).collect()
    }

    #[test]
    fn weights_follow_what_is_missing_and_are_never_zero() {
        assert_eq!(numbers(&towards(&[0.0, 0.001, 25.0, 50.0])), [1, 1, 64, 128]);
        assert_eq!(numbers(&towards(&[0.0, 0.0])), [1, 1]);
    }

    #[test]
    fn at_rest_only_unequal_members_have_weights() {
        assert_eq!(at_rest(&[1.0, 1.0, 1.0]), None);
        assert_eq!(at_rest(&[1.0, 2.0]).as_deref().map(numbers), Some(vec![64, 128]));
    }

    #[test]
    fn parts_leave_something_for_the_silent() {
        let parts = parts(&towards(&[0.0, 10.0]), 1);
        assert!((parts[1] - 128.0 / 130.0).abs() < 1e-9);
    }
}
