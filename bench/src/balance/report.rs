//! What came of all scale-outs.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use evenkeel_tests::gateways::Balancer;
use serde::Serialize;

use super::case::Case;
use super::curve::ScaleOut;
use crate::gateways::variant::Variant;

/// All rows, and with which Envoy.
#[derive(Debug)]
pub struct Report {
    /// Its version.
    pub envoy: &'static str,
    /// Why nginx was not measured, if it was not.
    pub without_nginx: Option<String>,
    /// In the order of the runs.
    pub rows: Vec<Row>,
}

/// One scale-out in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    #[serde(flatten)]
    case: Case,
    /// From the end of `settle`; none if it never was even.
    seconds: Option<f64>,
    closes_per_connection: f64,
    /// None if it never was even.
    closes_per_minute_when_even: Option<f64>,
    optimum_closes_per_connection: f64,
    requests: u64,
    failed: u64,
    failures: Vec<(String, u64)>,
}

impl Row {
    /// From what was seen.
    pub fn new(case: Case, scale_out: &ScaleOut) -> Self {
        let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
        let since_settled = |even: Duration| rounded(even.saturating_sub(case.settle()).as_secs_f64());
        Self {
            case,
            seconds: scale_out.even_at().map(since_settled),
            closes_per_connection: rounded(scale_out.closes_per_connection()),
            closes_per_minute_when_even: scale_out.closes_per_minute_when_even().map(rounded),
            optimum_closes_per_connection: rounded(scale_out.optimum_per_connection(case.balancer)),
            requests: scale_out.requests,
            failed: scale_out.failures.iter().map(|(_, count)| count).sum(),
            failures: scale_out.failures.clone(),
        }
    }

    fn ratio(&self) -> f64 {
        self.closes_per_connection / self.optimum_closes_per_connection
    }

    /// What the closes should be at most, in terms of the optimum or of all connections.
    fn goal(&self) -> Option<(f64, f64)> {
        let Case { balancer, variant, connections, from, .. } = self.case;
        match (variant, balancer) {
            (Variant::Evenkeel, Balancer::Random) => Some((self.ratio(), if connections < 1000 { 1.2 } else { 1.1 })),
            (Variant::Evenkeel, Balancer::Steer) if from == 2 => Some((self.ratio(), 1.25)),
            (Variant::Evenkeel, Balancer::Steer) if from == 7 => Some((self.closes_per_connection, 0.15)),
            _ => None,
        }
    }

    /// Within so many seconds, behind a blind balancer.
    fn in_time(&self) -> Option<bool> {
        let most = if self.case.from == 2 { 12.0 } else { 20.0 };
        (self.case.variant == Variant::Evenkeel).then(|| self.seconds.is_some_and(|seconds| seconds <= most))
    }

    fn closer(&self) -> String {
        let name = self.case.variant.name();
        match self.case.variant {
            Variant::KeepaliveRequests(requests) => format!("{name} {requests}"),
            _ => name.to_owned(),
        }
    }

    fn cells(&self) -> [String; 10] {
        let Case { from, to, connections, balancer, .. } = self.case;
        let verdict = |met: bool| if met { "met" } else { "not met" }.to_owned();
        let goals = [self.goal().map(|(value, most)| value <= most), self.in_time()];
        let met = goals.into_iter().flatten().reduce(|both, met| both && met);
        [
            format!("{from} -> {to}"),
            connections.to_string(),
            if balancer == Balancer::Random { "random" } else { "steer" }.to_owned(),
            self.closer(),
            self.seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.1}")),
            format!("{:.2}", self.closes_per_connection),
            self.closes_per_minute_when_even.map_or_else(|| "-".to_owned(), |closes| format!("{closes:.1}")),
            format!("{:.2} ({:.2})", self.optimum_closes_per_connection, self.ratio()),
            format!("{} of {}", self.failed, self.requests),
            met.map_or_else(String::new, verdict),
        ]
    }
}

impl Report {
    /// Whether a request failed.
    pub fn has_failures(&self) -> bool {
        self.rows.iter().any(|row| row.failed > 0)
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(ASCII_MARKDOWN).set_header([
            "gateways",
            "connections",
            "balancer",
            "closer",
            "s to even",
            "closes/conn.",
            "even: /min",
            "optimum (ratio)",
            "failed",
            "goal",
        ]);
        table.add_rows(self.rows.iter().map(Row::cells));
        for column in table.column_iter_mut().skip(4) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "Scale-outs, Envoy {}. Even: all within 1.1 times and half of the mean.", self.envoy)?;
        writeln!(formatter, "Seconds count from the end of `settle`. The optimum is that of a closer that knows all,")?;
        writeln!(
            formatter,
            "from the distribution that the run really began with. Closes count until 5 s after all was"
        )?;
        writeln!(
            formatter,
            "even; what goes on then is shown per connection and minute. nginx closes a connection after"
        )?;
        writeln!(formatter, "as many requests as a client makes on one of the mean age that timer caps allow.")?;
        writeln!(formatter, "{}", self.table())?;
        if let Some(reason) = &self.without_nginx {
            writeln!(formatter, "nginx was not measured: {reason}")?;
        }
        for row in self.rows.iter().filter(|row| row.failed > 0) {
            writeln!(formatter, "{:?}: {:?}", row.case, row.failures)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::curve::Sample;

    fn row(variant: Variant, closes: u64, even_at: u64) -> Row {
        let sample = |second: u64, connections: [u64; 4], closes| Sample {
            since: Duration::from_secs(second),
            connections: connections.to_vec(),
            closes,
        };
        let samples = vec![
            sample(0, [100, 100, 0, 0], 0),
            sample(even_at, [50; 4], closes),
            sample(even_at + 5, [50; 4], closes),
        ];
        let scale_out = ScaleOut { samples, requests: 10, failures: vec![] };
        Row::new(Case { from: 2, to: 4, connections: 200, balancer: Balancer::Random, variant }, &scale_out)
    }

    #[test]
    fn seconds_count_from_the_end_of_settle() {
        assert_eq!(row(Variant::Evenkeel, 190, 10).seconds, Some(0.0));
        assert_eq!(row(Variant::Timers, 190, 10).seconds, Some(10.0));
    }

    #[test]
    fn both_goals_have_to_be_met() {
        let last = |row: &Row| row.cells()[9].clone();
        assert_eq!(last(&row(Variant::Evenkeel, 190, 10)), "met");
        assert_eq!(last(&row(Variant::Evenkeel, 300, 10)), "not met", "too many closes");
        assert_eq!(last(&row(Variant::Evenkeel, 190, 30)), "not met", "too late");
        assert_eq!(last(&row(Variant::Timers, 300, 30)), "", "timers have no goal");
    }
}
