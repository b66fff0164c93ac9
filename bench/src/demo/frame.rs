//! What is shown at one moment of a run, and its wording. Pure.

use std::time::Duration;

use crate::gateways::timeline::Timeline;

/// Requests per second are of the last second.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// One gateway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GatewayFrame {
    /// Connections that are open.
    pub connections: u64,
    /// Over the last second.
    pub requests_per_second: f64,
    /// Connections told to go since the gateway's start.
    pub drains: u64,
}

impl GatewayFrame {
    /// Stands for the figures of a gateway that does not run yet.
    pub const ABSENT: &str = "not started";

    /// The figures in columns that do not move.
    pub fn figures(&self) -> String {
        let Self { connections, requests_per_second, drains } = self;
        format!("{connections:>4} connections {requests_per_second:>6.0} requests/s {drains:>5} drained")
    }
}

/// All of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Time since the clients were all connected.
    pub at: Duration,
    /// What is happening and what to look at.
    pub status: String,
    /// The gateways that run.
    pub gateways: Vec<GatewayFrame>,
    /// The fullest gateway over the mean; `None` while nobody is connected.
    pub max_over_mean: Option<f64>,
    /// Requests so far.
    pub requests: u64,
    /// Failed ones so far.
    pub failed: u64,
}

impl Frame {
    /// The latest moment of a timeline; `None` before the first.
    pub fn latest(timeline: &Timeline, status: &str, requests: u64, failed: u64) -> Option<Self> {
        let moment = timeline.latest()?;
        let rates = timeline.recent(RATE_WINDOW).requests_per_second;
        let gateways = moment.gateways.iter().zip(rates).map(|(stats, requests_per_second)| GatewayFrame {
            connections: stats.connections,
            requests_per_second,
            drains: stats.drains,
        });
        Some(Self {
            at: moment.at,
            status: status.to_owned(),
            gateways: gateways.collect(),
            max_over_mean: moment.max_over_mean(),
            requests,
            failed,
        })
    }

    /// The line under the gateways.
    pub fn totals(&self) -> String {
        let (seconds, ratio) = (self.at.as_secs(), self.ratio());
        format!("{seconds:>3} s   max/mean {ratio}   {:>6} requests, {} failed", self.requests, self.failed)
    }

    /// All figures in one line, for logs.
    pub fn plain_line(&self) -> String {
        let figures =
            |figure: fn(&GatewayFrame) -> String| self.gateways.iter().map(figure).collect::<Vec<_>>().join(" ");
        format!(
            "{:>3} s  connections {}  requests/s {}  drained {}  max/mean {}  failed {}",
            self.at.as_secs(),
            figures(|gateway| format!("{:>3}", gateway.connections)),
            figures(|gateway| format!("{:>4.0}", gateway.requests_per_second)),
            figures(|gateway| gateway.drains.to_string()),
            self.ratio(),
            self.failed
        )
    }

    fn ratio(&self) -> String {
        self.max_over_mean.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_tests::gateways::GatewayStats;

    use super::*;
    use crate::gateways::timeline::Moment;

    fn frame() -> Frame {
        let mut timeline = Timeline::default();
        for (second, served) in [(11, 0), (12, 500), (13, 1500)] {
            let busy = GatewayStats { connections: 150, requests: served, drains: 7, closes: 7 };
            let idle = GatewayStats { connections: 50, ..GatewayStats::default() };
            timeline.push(Moment { at: Duration::from_secs(second), gateways: vec![busy, idle] });
        }
        Frame::latest(&timeline, "4 gateways", 1500, 0).unwrap()
    }

    #[test]
    fn rates_are_of_the_last_second() {
        assert_eq!(frame().gateways[0].figures(), " 150 connections   1000 requests/s     7 drained");
    }

    #[test]
    fn a_plain_line_has_all_figures() {
        let expected = " 13 s  connections 150  50  requests/s 1000    0  drained 7 0  max/mean 1.50  failed 0";
        assert_eq!(frame().plain_line(), expected);
        assert_eq!(frame().totals(), " 13 s   max/mean 1.50     1500 requests, 0 failed");
    }

    #[test]
    fn nothing_seen_is_nothing_to_show() {
        assert_eq!(Frame::latest(&Timeline::default(), "", 0, 0), None);
    }
}
