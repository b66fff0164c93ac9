//! The law: how uneven a group is and how many connections should move. Plain formulas over the members of a group.
//!
//! All loads are in connections. When a group is measured by requests, a load is the request rate divided by the group's
//! mean request rate per connection, so that one formula serves both.

use super::policy::Policy;

/// Above the tolerance by this much before a rebalance starts that nobody asked for by adding a member or a weight.
const HYSTERESIS: f64 = 0.05;
/// Below this mean share a chi-square test has no meaning; it is the number of the textbooks.
const FEWEST_PER_MEMBER: f64 = 5.0;
/// Chance brings more than this many standard deviations above the mean in one of forty cases.
const DEVIATIONS: f64 = 2.0;
/// So many standard deviations of all that a member needs may be too many: being exact takes a round of closing, returning
/// and reporting for each of the last few connections.
const EXCESS: f64 = 0.3;
/// The standard normal quantile of 1 - 1e-6.
const ONE_IN_A_MILLION: f64 = 4.753_424;

/// What counts as even. All three are shares of a member's share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// A member may be above its share by this much.
    pub tolerance: f64,
    /// It must have at least this much of its share.
    pub min_share: f64,
    /// While connections move, members are brought down to this much above their shares: below `tolerance`.
    pub aim: f64,
}

impl Goal {
    /// What the policy wants.
    pub fn of(policy: &Policy) -> Self {
        Self { tolerance: policy.tolerance, min_share: policy.min_share, aim: policy.aim.min(policy.tolerance) }
    }

    /// `max(s (1 + tolerance), s + 1)`: one connection more than the share is always even.
    pub fn most(&self, share: f64) -> f64 {
        at_most(share, self.tolerance)
    }

    /// `min(minShare s, s - 1)`: one connection less as well.
    pub fn least(&self, share: f64) -> f64 {
        (self.min_share * share).min(share - 1.0)
    }

    /// Even, in both directions: nobody has too much, and nobody is left (nearly) empty.
    pub fn balanced(&self, expected: &[f64], shares: &[f64]) -> bool {
        pairs(expected, shares).all(|(expected, share)| (self.least(share)..=self.most(share)).contains(&expected))
    }

    /// So uneven that chance does not explain it, and beyond the tolerance by a margin.
    pub fn uneven_beyond_chance(&self, live: &[f64], shares: &[f64]) -> bool {
        let with_margin = Self { tolerance: self.tolerance + HYSTERESIS, ..*self };
        !with_margin.balanced(live, shares) && beyond_chance(live, shares)
    }

    /// How many connections should be closed in all, now: what the members that have too many have above the aim, or as
    /// many as it takes until enough of them have landed where too few are, whichever is more. `returning` are on their way.
    pub fn want(&self, expected: &[f64], shares: &[f64], landing: &[f64], returning: f64) -> f64 {
        let above = pairs(expected, shares)
            .filter(|(expected, share)| *expected > self.most(*share))
            .map(|(expected, share)| expected - at_most(share, self.aim));
        above.sum::<f64>().max(self.closes_to_fill(expected, shares, landing, returning))
    }

    /// What the members lack to the least that they should have, over the part of all connections that lands with them.
    /// Not all of it at once, though: what chance brings beyond that would have been closed for nothing.
    fn closes_to_fill(&self, expected: &[f64], shares: &[f64], landing: &[f64], returning: f64) -> f64 {
        let least = shares.iter().map(|share| self.least(*share));
        let lacks = pairs_of(least, expected).map(|(least, expected)| (least, least - expected));
        let (least, lack, reached) = lacks
            .zip(landing)
            .filter(|((_, lack), _)| *lack > 0.0)
            .fold((0.0, 0.0, 0.0), |sum, ((least, lack), landing)| (sum.0 + least, sum.1 + lack, sum.2 + landing));
        if reached > 0.0 { without_excess(lack, least, returning * reached, reached) / reached } else { 0.0 }
    }
}

/// How many more should land where `lack` of the `least` are missing, besides those on their way there, when each one lands
/// there with the probability `reached`: such that the mean of all that are to land, and [`DEVIATIONS`] of the binomial
/// distribution above it, are no more than what is needed and [`EXCESS`], `y + DEVIATIONS sqrt((1 - reached) y) = lack +
/// on_its_way + EXCESS sqrt((1 - reached) least)` for `y`. But one at least, when less than one is on its way.
fn without_excess(lack: f64, least: f64, on_its_way: f64, reached: f64) -> f64 {
    let chance = (1.0 - reached).max(0.0).sqrt();
    let (deviations, excess) = (DEVIATIONS * chance, EXCESS * chance * least.sqrt());
    let root = (deviations.mul_add(deviations, 4.0 * (lack + on_its_way + excess)).sqrt() - deviations) / 2.0;
    ((root * root).max(lack.min(1.0)) - on_its_way).max(0.0)
}

fn at_most(share: f64, above: f64) -> f64 {
    (share * (1.0 + above)).max(share + 1.0)
}

/// The share of each member: all connections by weight. They add up to `total`.
pub fn shares(total: f64, weights: &[f64]) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| if sum > 0.0 { total * weight / sum } else { 0.0 }).collect()
}

/// `live + returning p`: what each member will have when those that are on their way have landed.
pub fn expected(live: &[f64], returning: f64, landing: &[f64]) -> Vec<f64> {
    pairs(live, landing).map(|(live, landing)| live + returning * landing).collect()
}

/// How `count` closes are spread over the members: the fullest first, down to one level, in terms of their shares. In
/// proportion to what they have too much would turn the order round when more is closed than that.
pub fn spread(count: f64, expected: &[f64], shares: &[f64]) -> Vec<f64> {
    let level = level(count, expected, shares);
    pairs(expected, shares).map(|(expected, share)| (expected - level * share).max(0.0)).collect()
}

/// The level that the fullest members come down to when they close `count` in all.
fn level(count: f64, expected: &[f64], shares: &[f64]) -> f64 {
    let mut members: Vec<(f64, f64)> = pairs(expected, shares).filter(|(_, share)| *share > 0.0).collect();
    members.sort_by(|a, b| (b.0 / b.1).total_cmp(&(a.0 / a.1)));
    let (mut load, mut share, mut level) = (0.0, 0.0, f64::INFINITY);
    for (member_load, member_share) in members {
        if level >= member_load / member_share && level.is_finite() {
            break;
        }
        (load, share) = (load + member_load, share + member_share);
        level = (load - count) / share;
    }
    level.max(0.0)
}

/// What each member has below its share: new connections should land in this proportion.
pub fn missing(expected: &[f64], shares: &[f64]) -> Vec<f64> {
    pairs(expected, shares).map(|(expected, share)| (share - expected).max(0.0)).collect()
}

/// The largest expected load of a member in terms of its share; 1 when all is even or there is nothing.
pub fn imbalance(expected: &[f64], shares: &[f64]) -> f64 {
    pairs(expected, shares)
        .filter(|(_, share)| *share > 0.0)
        .map(|(expected, share)| expected / share)
        .fold(1.0, f64::max)
}

/// `count` whole things in proportion to `parts`: exact in sum, by the method of the largest remainder. Nothing at all
/// when no part is above zero.
pub fn apportion(count: u64, parts: &[f64]) -> Vec<u64> {
    let sum: f64 = parts.iter().sum();
    if !(sum > 0.0 && sum.is_finite()) {
        return vec![0; parts.len()];
    }
    let exact: Vec<f64> = parts.iter().map(|part| count as f64 * part / sum).collect();
    let mut whole: Vec<u64> = exact.iter().map(|exact| exact.floor() as u64).collect();
    let mut by_remainder: Vec<usize> = (0..parts.len()).filter(|&index| parts[index] > 0.0).collect();
    by_remainder.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let left = count.saturating_sub(whole.iter().sum());
    for &index in by_remainder.iter().cycle().take(usize::try_from(left).unwrap_or(usize::MAX).min(parts.len())) {
        whole[index] += 1;
    }
    whole
}

/// Pearson's chi-square over the whole group, its quantile by Wilson and Hilferty's cube root.
fn beyond_chance(live: &[f64], shares: &[f64]) -> bool {
    let freedom = live.len() as f64 - 1.0;
    let mean = shares.iter().sum::<f64>() / live.len() as f64;
    if freedom < 1.0 || mean < FEWEST_PER_MEMBER {
        return false;
    }
    let chi_square: f64 = pairs(live, shares).map(|(live, share)| (live - share).powi(2) / share.max(1.0)).sum();
    let spread = 2.0 / (9.0 * freedom);
    ((chi_square / freedom).cbrt() - (1.0 - spread)) / spread.sqrt() > ONE_IN_A_MILLION
}

fn pairs<'a>(left: &'a [f64], right: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    pairs_of(left.iter().copied(), right)
}

fn pairs_of<'a>(left: impl Iterator<Item = f64> + 'a, right: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    left.zip(right.iter().copied())
}

#[cfg(test)]
mod tests;
