//! Modelled balancers: where a new connection goes.

use super::scenario::Balancer;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A balancer over the ready pods, by their numbers.
#[derive(Debug)]
pub struct Balancing {
    kind: Balancer,
    ready: Vec<usize>,
    turn: usize,
    by_connections: BTreeSet<(u64, usize)>,
    open: Vec<u64>,
    weights: Vec<f64>,
    credits: Vec<f64>,
    affinity: BTreeMap<u32, usize>,
}

impl Balancing {
    /// One without pods.
    pub fn new(kind: Balancer) -> Self {
        Self {
            kind,
            ready: Vec::new(),
            turn: 0,
            by_connections: BTreeSet::new(),
            open: Vec::new(),
            weights: Vec::new(),
            credits: Vec::new(),
            affinity: BTreeMap::new(),
        }
    }

    /// These pods are ready, with these weights, and have so many open connections each.
    pub fn pods(&mut self, ready: Vec<usize>, weights: Vec<f64>, open: &[u64]) {
        self.by_connections = ready.iter().map(|&pod| (open[pod], pod)).collect();
        self.open = open.to_vec();
        if weights != self.weights || ready != self.ready {
            self.credits = vec![0.0; ready.len()];
        }
        (self.ready, self.weights) = (ready, weights);
    }

    /// A pod has got or lost a connection.
    pub fn changed(&mut self, pod: usize, open: u64) {
        if self.kind != Balancer::LeastConnections {
            return;
        }
        let before = std::mem::replace(&mut self.open[pod], open);
        if self.by_connections.remove(&(before, pod)) {
            self.by_connections.insert((open, pod));
        }
    }

    /// Where a client's connection goes; nowhere when there is no pod.
    pub fn choose(&mut self, source: u32, chance: &mut StdRng) -> Option<usize> {
        if self.ready.is_empty() {
            return None;
        }
        match self.kind {
            Balancer::Random => Some(self.ready[chance.random_range(0..self.ready.len())]),
            Balancer::RoundRobin => Some(self.in_turn()),
            Balancer::LeastConnections => self.by_connections.first().map(|(_, pod)| *pod),
            Balancer::SourceHash => self.by_source(source),
            Balancer::Steer => Some(self.weighted()),
        }
    }

    /// As a Service with `sessionAffinity: ClientIP`: chosen once, and again only when that pod is gone.
    fn by_source(&mut self, source: u32) -> Option<usize> {
        let known = self.affinity.get(&source).copied().filter(|pod| self.ready.contains(pod));
        let pod = known.or_else(|| self.ready.iter().copied().max_by_key(|pod| rank(source, *pod)))?;
        self.affinity.insert(source, pod);
        Some(pod)
    }

    fn in_turn(&mut self) -> usize {
        self.turn = (self.turn + 1) % self.ready.len();
        self.ready[self.turn]
    }

    /// Weighted round robin: each gets its turns spread evenly over time.
    fn weighted(&mut self) -> usize {
        let sum: f64 = self.weights.iter().sum();
        let mut best = 0;
        for index in 0..self.ready.len() {
            self.credits[index] += self.weights[index];
            if self.credits[index] > self.credits[best] {
                best = index;
            }
        }
        self.credits[best] -= sum;
        self.ready[best]
    }
}

/// The pod that ranks highest gets the source.
fn rank(source: u32, pod: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    (source, pod).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn counts(kind: Balancer, weights: &[f64], connections: u32) -> Vec<u64> {
        let mut balancer = Balancing::new(kind);
        let mut open = vec![0; weights.len()];
        balancer.pods((0..weights.len()).collect(), weights.to_vec(), &open);
        let mut chance = StdRng::seed_from_u64(1);
        for source in 0..connections {
            let pod = balancer.choose(source, &mut chance).unwrap();
            open[pod] += 1;
            balancer.changed(pod, open[pod]);
        }
        open
    }

    #[test]
    fn each_balancer_does_what_its_name_says() {
        assert_eq!(counts(Balancer::RoundRobin, &[1.0; 4], 40), [10; 4]);
        assert_eq!(counts(Balancer::LeastConnections, &[1.0; 4], 40), [10; 4]);
        assert_eq!(counts(Balancer::Steer, &[1.0, 3.0], 40), [10, 30]);
        let random = counts(Balancer::Random, &[1.0; 4], 4_000);
        assert!(random.iter().all(|open| (850..1150).contains(open)), "{random:?}");
    }

    #[test]
    fn a_source_always_comes_to_the_same_pod() {
        let mut balancer = Balancing::new(Balancer::SourceHash);
        balancer.pods(vec![0, 1, 2], vec![1.0; 3], &[0; 3]);
        let mut chance = StdRng::seed_from_u64(1);
        let first = balancer.choose(7, &mut chance);
        assert!((0..100).all(|_| balancer.choose(7, &mut chance) == first));
    }

    #[test]
    fn without_pods_a_connection_goes_nowhere() {
        assert_eq!(Balancing::new(Balancer::Random).choose(0, &mut StdRng::seed_from_u64(1)), None);
    }
}
