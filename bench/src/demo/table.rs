//! Both runs side by side, as text.

use super::outcome::Outcome;
use super::timeline::{EVEN, Load};

const LABEL: usize = 32;
const COLUMN: usize = 8;
const GAP: &str = "    ";

/// The table, one line per row, at most 100 columns wide.
pub fn side_by_side(with: &Outcome, without: &Outcome) -> String {
    let runs = [with, without];
    let gateways = runs.iter().map(|run| run.after.connections.len()).max().unwrap_or(0);
    let mut lines = heading();
    for gateway in 0..gateways {
        lines.push(row(&format!("gateway {}", gateway + 1), &runs, |run| load(run, gateway)));
    }
    lines.push(row("max/mean", &runs, |run| [&run.before, &run.after].map(ratio).concat()));
    lines.push(row(&format!("seconds until max/mean <= {EVEN}"), &runs, |run| whole_run(&time_to_even(run))));
    for (label, count) in COUNTS {
        lines.push(row(label, &runs, |run| whole_run(&count(run).to_string())));
    }
    lines.join("\n")
}

type Count = fn(&Outcome) -> u64;

const COUNTS: [(&str, Count); 4] = [
    ("connections closed", |run| run.closes),
    ("told to go by Evenkeel", |run| run.drains),
    ("requests", |run| run.requests),
    ("failed requests", |run| run.failed),
];

fn heading() -> Vec<String> {
    let width = 4 * COLUMN;
    let line = |cells: [&str; 2]| format!("{:LABEL$}{:>width$}{GAP}{:>width$}", "", cells[0], cells[1]);
    let phases = format!("{:>half$}{:>half$}", "2 gateways", "4 gateways", half = 2 * COLUMN);
    let units = ["conn.", "req/s"].map(|unit| format!("{unit:>COLUMN$}")).concat().repeat(2);
    vec![line(["with Evenkeel", "without Evenkeel"]), line([&phases, &phases]), line([&units, &units])]
}

fn row(label: &str, runs: &[&Outcome; 2], cells: impl Fn(&Outcome) -> String) -> String {
    format!("{label:LABEL$}{}{GAP}{}", cells(runs[0]), cells(runs[1]))
}

fn load(run: &Outcome, gateway: usize) -> String {
    let cells =
        |load: &Load| [cell(load.connections.get(gateway)), cell(load.requests_per_second.get(gateway))].concat();
    [cells(&run.before), cells(&run.after)].concat()
}

/// A gateway that was not there yet has no figure.
fn cell(value: Option<&f64>) -> String {
    value.map_or_else(|| format!("{:>COLUMN$}", "-"), |value| format!("{value:>COLUMN$.0}"))
}

fn ratio(load: &Load) -> String {
    let text = load.max_over_mean.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
    format!("{text:>width$}", width = 2 * COLUMN)
}

fn time_to_even(run: &Outcome) -> String {
    run.time_to_even.map_or_else(|| "never".to_owned(), |time| format!("{:.1}", time.as_secs_f64()))
}

fn whole_run(text: &str) -> String {
    format!("{text:>width$}", width = 4 * COLUMN)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn load(connections: &[f64], max_over_mean: f64) -> Load {
        let requests_per_second = connections.iter().map(|connections| connections * 10.0).collect();
        Load { connections: connections.to_vec(), requests_per_second, max_over_mean: Some(max_over_mean) }
    }

    #[test]
    fn shows_both_runs_in_the_same_columns() {
        let with = Outcome {
            before: load(&[104.0, 96.0], 1.04),
            after: load(&[52.4, 47.6, 51.0, 49.0], 1.128),
            time_to_even: Some(Duration::from_millis(6500)),
            closes: 900,
            drains: 899,
            requests: 70_000,
            ..Outcome::default()
        };
        let without = Outcome {
            before: load(&[90.0, 110.0], 1.1),
            after: load(&[90.0, 110.0, 0.0, 0.0], 2.2),
            requests: 70_001,
            failed: 3,
            ..Outcome::default()
        };
        let expected = "
                                                   with Evenkeel                    without Evenkeel
                                      2 gateways      4 gateways          2 gateways      4 gateways
                                   conn.   req/s   conn.   req/s       conn.   req/s   conn.   req/s
gateway 1                            104    1040      52     524          90     900      90     900
gateway 2                             96     960      48     476         110    1100     110    1100
gateway 3                              -       -      51     510           -       -       0       0
gateway 4                              -       -      49     490           -       -       0       0
max/mean                                    1.04            1.13                1.10            2.20
seconds until max/mean <= 1.25                               6.5                               never
connections closed                                           900                                   0
told to go by Evenkeel                                       899                                   0
requests                                                   70000                               70001
failed requests                                                0                                   3";
        assert_eq!(format!("\n{}", side_by_side(&with, &without)), expected);
    }

    #[test]
    fn fits_a_hundred_columns() {
        let text = side_by_side(&Outcome::default(), &Outcome::default());
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
