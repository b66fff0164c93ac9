//! Histograms of how long something took.

use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

/// From what a change takes on an idle machine to what an operator has to look at, in seconds.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// A histogram in seconds for each set of labels. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Durations<L>(Family<L, Histogram, Seconds>);

/// Makes an empty histogram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

impl<L: Clone + Debug + Eq + Hash> Default for Durations<L> {
    fn default() -> Self {
        Self(Family::new_with_constructor(Seconds))
    }
}

impl<L: Clone + Debug + Eq + Hash> Durations<L> {
    /// What a registry takes.
    pub(super) fn family(&self) -> Family<L, Histogram, Seconds> {
        self.0.clone()
    }

    pub(super) fn observe(&self, labels: &L, duration: Duration) {
        self.0.get_or_create(labels).observe(duration.as_secs_f64());
    }
}
