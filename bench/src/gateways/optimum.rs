//! How many closes any closer needs at least, also one that knows everything.

/// To this part of a connection.
const PRECISION: f64 = 0.01;

/// What counts as even.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// Nobody has more than this times the mean, or one connection more.
    most: f64,
    /// Nobody has less than this times the mean, or one connection less.
    least: f64,
}

impl Goal {
    /// That of a policy that says nothing else.
    pub const USUAL: Self = Self { most: 1.1, least: 0.5 };

    fn bounds(self, mean: f64) -> (f64, f64) {
        ((mean * self.least).min(mean - 1.0), (mean * self.most).max(mean + 1.0))
    }

    /// Whether these connections are even.
    pub fn is_reached(self, connections: &[u64]) -> bool {
        let (least, most) = self.bounds(mean(connections));
        connections.iter().all(|live| (least..=most).contains(&(*live as f64)))
    }
}

fn mean(connections: &[u64]) -> f64 {
    connections.iter().sum::<u64>() as f64 / connections.len() as f64
}

/// The least closes that balance these connections when each comes back at a random gateway, in expectation.
///
/// After `c` closes every gateway has got `c / n` connections back. What any has above the most that it may have must have
/// been closed there; so `c` is enough when it is at least the sum of that, and when it brings everybody to the least.
pub fn blind(connections: &[u64]) -> f64 {
    let (mut low, mut high) = (0.0, 20.0 * connections.iter().sum::<u64>() as f64);
    while high - low > PRECISION {
        let middle = f64::midpoint(low, high);
        if is_enough(middle, connections) { high = middle } else { low = middle }
    }
    high
}

fn is_enough(closes: f64, connections: &[u64]) -> bool {
    let (least, most) = Goal::USUAL.bounds(mean(connections));
    let after = |live: &u64| *live as f64 + closes / connections.len() as f64;
    let excess: f64 = connections.iter().map(|live| (after(live) - most).max(0.0)).sum();
    excess <= closes && connections.iter().all(|live| after(live) >= least)
}

/// The same when each comes back where it is missing most.
pub fn steered(connections: &[u64]) -> f64 {
    let (least, most) = Goal::USUAL.bounds(mean(connections));
    let excess: f64 = connections.iter().map(|live| (*live as f64 - most).max(0.0)).sum();
    let lack: f64 = connections.iter().map(|live| (least - *live as f64).max(0.0)).sum();
    excess.max(lack)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(optimum: fn(&[u64]) -> f64, connections: &[u64]) -> u64 {
        (100.0 * optimum(connections) / connections.iter().sum::<u64>() as f64).round() as u64
    }

    #[test]
    fn known_optima() {
        let seven_and_one: Vec<_> = [286; 7].into_iter().chain([0]).collect();
        let optima = |optimum| {
            let of = |connections: &[u64]| percent(optimum, connections);
            [of(&[1000, 1000, 0, 0]), of(&[1000, 1000, 0, 0, 0]), of(&[600, 600, 600, 0]), of(&seven_and_one)]
        };
        assert_eq!(optima(blind), [90, 93, 70, 50]);
        assert_eq!(optima(steered), [45, 56, 17, 6]);
    }

    #[test]
    fn what_is_even_needs_none() {
        assert!(blind(&[50, 52, 49, 51]) <= PRECISION && steered(&[50, 52, 49, 51]) <= PRECISION);
        assert!(Goal::USUAL.is_reached(&[50, 52, 49, 51]) && !Goal::USUAL.is_reached(&[90, 90, 90, 20]));
    }
}
