//! Splitting a whole number in proportion to weights.

use std::cmp::Reverse;

/// Splits `total` in proportion to `weights` by the largest remainder; of equal remainders the first wins. No part is
/// larger than its weight: when the weights add up to less than `total`, each part is its weight.
pub fn apportion(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().copied().map(u128::from).sum();
    if u128::from(total) >= sum {
        return weights.to_vec();
    }
    let products = weights.iter().map(|weight| u128::from(*weight) * u128::from(total));
    let (mut parts, remainders): (Vec<_>, Vec<_>) = products.map(|share| ((share / sum) as u64, share % sum)).unzip();
    let missing = total - parts.iter().sum::<u64>();
    let mut order: Vec<_> = (0..parts.len()).collect();
    order.sort_by_key(|index| Reverse(remainders[*index]));
    order.into_iter().take(missing as usize).for_each(|index| parts[index] += 1);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_follow_the_weights_and_the_rest_goes_to_the_largest_remainders() {
        assert_eq!(apportion(10, &[50, 30, 20]), [5, 3, 2]);
        assert_eq!(apportion(4, &[5, 3, 2]), [2, 1, 1]);
        assert_eq!(apportion(1, &[1, 1, 1]), [1, 0, 0]);
        assert_eq!(apportion(7, &[0, 9, 0]), [0, 7, 0]);
    }

    #[test]
    fn nobody_gets_more_than_it_has() {
        assert_eq!(apportion(1_000_000_000, &[3, 0, 1]), [3, 0, 1]);
        assert_eq!(apportion(5, &[]), [0_u64; 0]);
    }

    proptest! {
        #[test]
        fn every_part_is_its_exact_share_rounded_and_together_they_are_all(
            total: u64, weights in proptest::collection::vec(0..1_u64 << 50, 0..20),
        ) {
            let parts = apportion(total, &weights);
            let sum: u64 = weights.iter().sum();
            prop_assert_eq!(parts.iter().sum::<u64>(), total.min(sum));
            for (part, weight) in parts.into_iter().zip(weights) {
                let exact = u128::from(weight) * u128::from(total.min(sum));
                let below = if sum == 0 { 0 } else { (exact / u128::from(sum)) as u64 };
                prop_assert!(part == below || part == below + 1);
                prop_assert!(part <= weight);
            }
        }
    }
}
