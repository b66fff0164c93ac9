//! What the gateways said over time, and what follows from it. Pure: moments in, figures out.

use std::time::Duration;

use evenkeel_tests::gateways::GatewayStats;

/// Connections count as even while the fullest gateway has at most this many times the mean.
pub const EVEN: f64 = 1.25;
/// As even as a policy with the usual tolerance makes them.
pub const CLOSE_TO_EVEN: f64 = 1.1;

/// All gateways at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Time since the clients were all connected.
    pub at: Duration,
    /// The gateways in the order of their start.
    pub gateways: Vec<GatewayStats>,
}

impl Moment {
    /// The connections of the fullest gateway over the mean; `None` while nobody is connected.
    pub fn max_over_mean(&self) -> Option<f64> {
        let connections: Vec<_> = self.gateways.iter().map(|gateway| gateway.connections as f64).collect();
        max_over_mean(&connections)
    }

    /// Connections that have ended at any gateway.
    pub fn closes(&self) -> u64 {
        self.gateways.iter().map(|gateway| gateway.closes).sum()
    }
}

/// One moment after the scale-out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Time since the scale-out.
    pub since: Duration,
    /// The fullest gateway over the mean.
    pub max_over_mean: f64,
    /// Connections that have ended since the scale-out.
    pub closes: u64,
}

/// How the gateways were loaded over a stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Per gateway, mean of the moments.
    pub connections: Vec<f64>,
    /// Per gateway.
    pub requests_per_second: Vec<f64>,
    /// Mean of the moments' [`Moment::max_over_mean`]: by chance a single moment is often off.
    pub max_over_mean: Option<f64>,
}

/// The moments of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    moments: Vec<Moment>,
    scaled_out_at: Option<Duration>,
}

impl Timeline {
    /// Adds what was just seen.
    pub fn push(&mut self, moment: Moment) {
        self.moments.push(moment);
    }

    /// Notes when the new gateways became endpoints.
    pub fn scaled_out(&mut self, at: Duration) {
        self.scaled_out_at = Some(at);
    }

    /// The last moment so far.
    pub fn latest(&self) -> Option<&Moment> {
        self.moments.last()
    }

    /// The load over the last `window` so far.
    pub fn recent(&self, window: Duration) -> Load {
        load(last(&self.moments, window))
    }

    /// The load over the last `window` before the scale-out.
    pub fn before(&self, window: Duration) -> Load {
        let end = self.scaled_out_at.unwrap_or(Duration::MAX);
        let count = self.moments.partition_point(|moment| moment.at < end);
        load(last(&self.moments[..count], window))
    }

    /// The connections of each gateway when the new ones had just become endpoints.
    pub fn at_scale_out(&self) -> Option<&Moment> {
        self.since_scale_out().next()
    }

    /// What happened from the scale-out on.
    pub fn curve(&self) -> Vec<Point> {
        let start = self.scaled_out_at.unwrap_or(Duration::MAX);
        let before = self.at_scale_out().map_or(0, Moment::closes);
        let point = |moment: &Moment| {
            let (since, closes) = (moment.at.saturating_sub(start), moment.closes().saturating_sub(before));
            Some(Point { since, max_over_mean: moment.max_over_mean()?, closes })
        };
        self.since_scale_out().filter_map(point).collect()
    }

    fn since_scale_out(&self) -> impl Iterator<Item = &Moment> {
        let start = self.scaled_out_at.unwrap_or(Duration::MAX);
        // A moment that was seen before the new gateways were counted does not say how uneven it is now.
        let gateways = self.moments.last().map_or(0, |moment| moment.gateways.len());
        self.moments.iter().filter(move |moment| moment.at >= start && moment.gateways.len() == gateways)
    }
}

/// The largest over the mean; `None` when all are 0.
pub fn max_over_mean(values: &[f64]) -> Option<f64> {
    let largest = values.iter().copied().fold(0.0, f64::max);
    (largest > 0.0).then(|| largest / mean(values))
}

/// The moments of the last `window`.
fn last(moments: &[Moment], window: Duration) -> &[Moment] {
    let end = moments.last().map_or(Duration::ZERO, |moment| moment.at);
    let first = moments.partition_point(|moment| moment.at + window < end);
    &moments[first..]
}

fn load(moments: &[Moment]) -> Load {
    let Some((first, end)) = moments.first().zip(moments.last()) else { return Load::default() };
    let gateways = 0..end.gateways.len();
    let ratios: Vec<_> = moments.iter().filter_map(Moment::max_over_mean).collect();
    Load {
        connections: gateways.clone().map(|gateway| mean_connections(moments, gateway)).collect(),
        requests_per_second: gateways.map(|gateway| request_rate(first, end, gateway)).collect(),
        max_over_mean: (!ratios.is_empty()).then(|| mean(&ratios)),
    }
}

/// A gateway that was not there yet counts as empty.
fn mean_connections(moments: &[Moment], gateway: usize) -> f64 {
    let connections = |moment: &Moment| moment.gateways.get(gateway).map_or(0.0, |stats| stats.connections as f64);
    mean(&moments.iter().map(connections).collect::<Vec<_>>())
}

fn request_rate(first: &Moment, end: &Moment, gateway: usize) -> f64 {
    let requests = |moment: &Moment| moment.gateways.get(gateway).map_or(0, |stats| stats.requests);
    let served = requests(end).saturating_sub(requests(first));
    let time = end.at.saturating_sub(first.at).as_secs_f64();
    if time > 0.0 { served as f64 / time } else { 0.0 }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One moment per second; each gateway has served 10 requests per second and connection so far.
    fn timeline(seconds: &[&[u64]], scaled_out_at: Option<u64>) -> Timeline {
        let mut timeline = Timeline::default();
        let mut requests = vec![0; 4];
        for (second, connections) in seconds.iter().enumerate() {
            let gateways = connections.iter().zip(&mut requests).map(|(&connections, requests)| {
                *requests += 10 * connections;
                GatewayStats { connections, requests: *requests, ..GatewayStats::default() }
            });
            let gateways = gateways.collect();
            timeline.push(Moment { at: Duration::from_secs(second as u64), gateways });
        }
        timeline.scaled_out_at = scaled_out_at.map(Duration::from_secs);
        timeline
    }

    #[test]
    fn max_over_mean_is_one_when_even_and_the_number_of_gateways_when_one_has_all() {
        assert_eq!(max_over_mean(&[50.0, 50.0, 50.0, 50.0]), Some(1.0));
        assert_eq!(max_over_mean(&[0.0, 200.0, 0.0, 0.0]), Some(4.0));
        assert_eq!(max_over_mean(&[100.0, 100.0, 0.0, 0.0]), Some(2.0));
    }

    #[test]
    fn max_over_mean_of_nobody_is_unknown() {
        assert_eq!(max_over_mean(&[0.0, 0.0]), None);
        assert_eq!(max_over_mean(&[]), None);
    }

    #[test]
    fn recent_load_is_the_mean_of_its_moments_only() {
        let timeline = timeline(&[&[100, 0], &[60, 40], &[50, 50], &[40, 60]], None);
        let load = timeline.recent(Duration::from_secs(2));
        assert_eq!(load.connections, [50.0, 50.0]);
        assert_eq!(load.requests_per_second, [450.0, 550.0]);
        let ratio = load.max_over_mean.unwrap();
        assert!((ratio - (1.2 + 1.0 + 1.2) / 3.0).abs() < 1e-12, "{ratio}");
    }

    #[test]
    fn load_before_the_scale_out_knows_only_the_first_gateways() {
        let timeline = timeline(&[&[90, 110], &[100, 100], &[60, 60, 40, 40], &[50, 50, 50, 50]], Some(2));
        let load = timeline.before(Duration::from_secs(10));
        assert_eq!(load.connections, [95.0, 105.0]);
        assert_eq!(load.requests_per_second, [1000.0, 1000.0]);
    }

    #[test]
    fn the_curve_begins_with_the_scale_out() {
        let seconds: &[&[u64]] =
            &[&[100, 100], &[100, 100], &[100, 100, 0, 0], &[70, 70, 30, 30], &[60, 50, 50, 40], &[80, 40, 40, 40]];
        let curve = |seconds| timeline(seconds, Some(2)).curve();
        let points: Vec<_> = curve(seconds).iter().map(|point| (point.since.as_secs(), point.max_over_mean)).collect();
        assert_eq!(points, [(0, 2.0), (1, 1.4), (2, 1.2), (3, 1.6)]);
        assert_eq!(timeline(seconds, None).curve(), [], "what was before the scale-out says nothing");
    }

    #[test]
    fn the_curve_counts_closes_from_the_scale_out() {
        let mut timeline = Timeline::default();
        timeline.scaled_out(Duration::from_secs(1));
        for (second, closes) in [(0, 3), (1, 5), (2, 9)] {
            let gateway = GatewayStats { connections: 10, closes, ..GatewayStats::default() };
            timeline.push(Moment { at: Duration::from_secs(second), gateways: vec![gateway] });
        }
        assert_eq!(timeline.curve().iter().map(|point| point.closes).collect::<Vec<_>>(), [0, 4]);
    }

    #[test]
    fn no_moments_are_no_load() {
        assert_eq!(Timeline::default().recent(Duration::from_secs(10)), Load::default());
        assert_eq!(Timeline::default().before(Duration::from_secs(10)), Load::default());
    }
}
