//! What somebody could do who knows everything and waits for each connection to land before closing the next.

use crate::rebalance::law::{self, Goal};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeSet;

/// Where a closed connection lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// Anywhere.
    Blind,
    /// Where there are the fewest.
    Least,
}

/// Closes per connection after which it is taken as impossible.
const HOPELESS: u64 = 50;
/// Runs over which the mean is taken; one is enough for many connections.
const RUNS: u32 = 8;
const MANY: u64 = 100_000;

/// The mean number of closes that even out members of equal weight.
pub fn closes(live: &[u64], goal: &Goal, landing: Landing, chance: &mut StdRng) -> f64 {
    let runs = if live.iter().sum::<u64>() < MANY { RUNS } else { 1 };
    let sum: u64 = (0..runs).map(|_| one_run(live, goal, landing, chance)).sum();
    sum as f64 / f64::from(runs)
}

/// Closes one connection of the fullest member at a time.
fn one_run(live: &[u64], goal: &Goal, landing: Landing, chance: &mut StdRng) -> u64 {
    let total: u64 = live.iter().sum();
    let Some(share) = law::shares(total as f64, &vec![1.0; live.len()]).first().copied() else { return 0 };
    let mut live = live.to_vec();
    let mut order: BTreeSet<(u64, usize)> = live.iter().copied().zip(0..).collect();
    let mut closes = 0;
    while let (Some(&(fewest, least)), Some(&(most, fullest))) = (order.first(), order.last()) {
        let even = goal.balanced(&[fewest as f64, most as f64], &[share, share]);
        if even || closes >= HOPELESS * total {
            break;
        }
        let to = if landing == Landing::Least { least } else { chance.random_range(0..live.len()) };
        for (member, change) in [(fullest, -1), (to, 1)] {
            order.remove(&(live[member], member));
            live[member] = live[member].saturating_add_signed(change);
            order.insert((live[member], member));
        }
        closes += 1;
    }
    closes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const GOAL: Goal = Goal { tolerance: 0.10, min_share: 0.5, aim: 0.09 };

    fn per_connection(live: &[u64], landing: Landing) -> f64 {
        closes(live, &GOAL, landing, &mut StdRng::seed_from_u64(1)) / live.iter().sum::<u64>() as f64
    }

    #[test]
    fn it_agrees_with_what_was_computed_elsewhere() {
        let least = per_connection(&[1000, 1000, 0, 0], Landing::Least);
        assert!((0.44..0.46).contains(&least), "{least}");
        let blind = per_connection(&[1000, 1000, 0, 0], Landing::Blind);
        assert!((0.87..0.93).contains(&blind), "{blind}");
        assert!(per_connection(&[50, 50, 50], Landing::Blind) < 1e-9);
    }
}
