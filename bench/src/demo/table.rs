//! All runs side by side, as text.

use super::outcome::Outcome;
use crate::gateways::timeline::{CLOSE_TO_EVEN, EVEN, Load};
use crate::gateways::variant::Variant;

const LABEL: usize = 34;
const COLUMN: usize = 8;
/// Connections and requests per second.
const RUN: usize = 2 * COLUMN;
const GAP: &str = "    ";

/// The table, one line per row, at most 100 columns wide. Figures are those of the end, if nothing else is said.
pub fn side_by_side(runs: &[(Variant, Outcome)]) -> String {
    let gateways = runs.iter().map(|(_, run)| run.after.connections.len()).max().unwrap_or(0);
    let mut lines = heading(runs);
    for gateway in 0..gateways {
        lines.push(row(&format!("gateway {}", gateway + 1), runs, |run| load(&run.after, gateway)));
    }
    for (label, figure) in FIGURES {
        lines.push(row(label, runs, |run| format!("{:>RUN$}", figure(run))));
    }
    lines.join("\n")
}

type Figure = fn(&Outcome) -> String;

const FIGURES: [(&str, Figure); 9] = [
    ("max/mean before the scale-out", |run| ratio(run.before.max_over_mean)),
    ("max/mean at the end", |run| ratio(run.after.max_over_mean)),
    ("seconds until max/mean <= 1.25", |run| seconds(run.time_to(EVEN))),
    ("seconds until max/mean <= 1.10", |run| seconds(run.time_to(CLOSE_TO_EVEN))),
    ("connections closed since then", |run| run.closes_after.to_string()),
    ("  per connection", |run| ratio(run.closes_per_connection())),
    ("  the least that any closer needs", |run| ratio(run.optimum_closes_per_connection())),
    ("requests", |run| run.requests.to_string()),
    ("failed requests", |run| run.failed.to_string()),
];

fn heading(runs: &[(Variant, Outcome)]) -> Vec<String> {
    let line = |cells: Vec<String>| format!("{:LABEL$}{}", "", cells.join(GAP));
    let names = runs.iter().map(|(variant, _)| format!("{:>RUN$}", variant.name())).collect();
    let units = runs.iter().map(|_| format!("{:>COLUMN$}{:>COLUMN$}", "conn.", "req/s")).collect();
    vec![line(names), line(units)]
}

fn row(label: &str, runs: &[(Variant, Outcome)], cell: impl Fn(&Outcome) -> String) -> String {
    let cells: Vec<_> = runs.iter().map(|(_, run)| cell(run)).collect();
    format!("{label:LABEL$}{}", cells.join(GAP))
}

/// A gateway that never was there has no figure.
fn load(load: &Load, gateway: usize) -> String {
    let figure =
        |value: Option<&f64>| value.map_or_else(|| format!("{:>COLUMN$}", "-"), |value| format!("{value:>COLUMN$.0}"));
    [figure(load.connections.get(gateway)), figure(load.requests_per_second.get(gateway))].concat()
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
}

fn seconds(time: Option<std::time::Duration>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| format!("{:.1}", time.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gateways::timeline::Point;

    fn load(connections: &[f64], max_over_mean: f64) -> Load {
        let requests_per_second = connections.iter().map(|connections| connections * 10.0).collect();
        Load { connections: connections.to_vec(), requests_per_second, max_over_mean: Some(max_over_mean) }
    }

    fn runs() -> [(Variant, Outcome); 2] {
        let evenkeel = Outcome {
            before: load(&[104.0, 96.0], 1.04),
            after: load(&[52.4, 47.6, 51.0, 49.0], 1.088),
            curve: vec![Point { since: Duration::from_millis(6500), max_over_mean: 1.0, closes: 190 }],
            connections: 200,
            optimum_closes: 180.0,
            closes_after: 190,
            requests: 70_000,
            ..Outcome::default()
        };
        let nothing = Outcome {
            before: load(&[90.0, 110.0], 1.1),
            after: load(&[90.0, 110.0, 0.0, 0.0], 2.2),
            connections: 200,
            optimum_closes: 180.0,
            requests: 70_001,
            failed: 3,
            ..Outcome::default()
        };
        [(Variant::Nothing, nothing), (Variant::Evenkeel, evenkeel)]
    }

    #[test]
    fn shows_all_runs_in_the_same_columns() {
        let expected = "
                                           nothing            Evenkeel
                                     conn.   req/s       conn.   req/s
gateway 1                               90     900          52     524
gateway 2                              110    1100          48     476
gateway 3                                0       0          51     510
gateway 4                                0       0          49     490
max/mean before the scale-out                 1.10                1.04
max/mean at the end                           2.20                1.09
seconds until max/mean <= 1.25               never                 6.5
seconds until max/mean <= 1.10               never                 6.5
connections closed since then                    0                 190
  per connection                              0.00                0.95
  the least that any closer needs             0.90                0.90
requests                                     70001               70000
failed requests                                  3                   0";
        assert_eq!(format!("\n{}", side_by_side(&runs())), expected);
    }

    #[test]
    fn fits_a_hundred_columns() {
        let text = side_by_side(&Variant::ALL.map(|variant| (variant, Outcome::default())));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
