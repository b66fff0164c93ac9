//! The report for people.

use std::fmt::{self, Display, Formatter};

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::load::Protocol;
use super::memory::{Comparison, Memory};
use super::report::{Report, Row};

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for http in Protocol::ALL {
            writeln!(formatter, "{}\n{}", title(self, http), processor_table(self, http))?;
            writeln!(formatter, "{}\n", noise(self, http))?;
        }
        write!(formatter, "Resident memory that the filter adds\n{}", memory_table(&self.memory))
    }
}

fn title(report: &Report, http: Protocol) -> String {
    let (connections, streams) = http.shape();
    format!(
        "CPU per request, Envoy {} with one worker, {} client and upstream, {connections} connections x {streams} \
         in flight, {} rounds",
        report.envoy,
        http.name(),
        report.rounds,
    )
}

fn processor_table(report: &Report, http: Protocol) -> Table {
    let mut table = table(["variant", "µs/request", "difference", "±", "", "aim", ""]);
    let noise = report.noise(http);
    for row in report.rows_of(http) {
        table.add_row(processor_row(row, noise));
    }
    table
}

fn processor_row(row: &Row, noise: f64) -> [String; 7] {
    let is_base = row.delta_percent == 0.0 && row.spread_percent == 0.0;
    let percent = |text: String| if is_base { String::new() } else { text };
    [
        row.variant.name().to_owned(),
        format!("{:.1}", row.us_per_request),
        percent(format!("{:+.1} %", row.delta_percent)),
        percent(format!("{:.1}", row.spread_percent)),
        if !is_base && row.is_noise(noise) { "noise".to_owned() } else { String::new() },
        row.aim().map_or_else(String::new, |aim| format!("<= {aim:+.0} %")),
        row.verdict(noise).map_or_else(String::new, |verdict| verdict.to_string()),
    ]
}

fn noise(report: &Report, http: Protocol) -> String {
    let noise = report.noise(http);
    let lost: Vec<_> = report.rows_of(http).filter(|row| row.aim().is_some() && row.is_noise(noise)).collect();
    let base = format!("Noise: two Envoys without filter differ by up to {noise:.1} %.");
    if lost.is_empty() {
        return base;
    }
    let names: Vec<_> = lost.iter().map(|row| row.variant.name()).collect();
    format!("{base} It is larger than the difference of {}: run again on a quiet machine.", names.join(" and "))
}

fn memory_table(memory: &Memory) -> Table {
    let mut table = table(["variant", "Envoy", "without", "added"]);
    for added in &memory.idle {
        table.add_row(memory_row(added, &format!("idle, workers: {}", added.workers)));
    }
    for added in &memory.per_10000_connections {
        table.add_row(memory_row(added, "per 10,000 connections"));
    }
    table
}

fn memory_row(added: &Comparison, envoy: &str) -> [String; 4] {
    let mebibytes = |bytes: f64| format!("{:.1} MiB", bytes / f64::from(1 << 20));
    let (without, with) = (mebibytes(added.without_bytes as f64), mebibytes(added.added_bytes as f64));
    [added.variant.name().to_owned(), envoy.to_owned(), without, with]
}

/// Names to the left, numbers to the right.
fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::variant::Variant;

    fn row(variant: Variant, delta_percent: f64) -> Row {
        Row { variant, http: Protocol::Http2, us_per_request: 31.25, delta_percent, spread_percent: 0.5 }
    }

    fn printed(connection: f64, again: f64) -> String {
        let plain = Row { spread_percent: 0.0, ..row(Variant::Plain, 0.0) };
        let rows = vec![plain, row(Variant::Connection, connection), row(Variant::PlainAgain, again)];
        let added =
            Comparison { variant: Variant::Request, workers: 4, without_bytes: 64 << 20, added_bytes: -(1 << 19) };
        let memory = Memory { idle: vec![added], per_10000_connections: Vec::new() };
        Report { envoy: "1.40.0", rounds: 40, rows, memory }.to_string()
    }

    /// The cells of the first line that begins with `name`.
    fn cells(text: &str, name: &str) -> Vec<String> {
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        text.lines().map(cells).find(|cells| cells.get(1).is_some_and(|cell| cell == name)).unwrap()
    }

    #[test]
    fn a_row_says_cost_difference_and_verdict() {
        let text = printed(3.0, 0.1);
        assert_eq!(cells(&text, "connection")[1..8], ["connection", "31.2", "+3.0 %", "0.5", "", "<= +5 %", "met"]);
        assert_eq!(cells(&text, "none")[1..4], ["none", "31.2", ""]);
        assert_eq!(cells(&text, "none_again")[5], "noise");
    }

    #[test]
    fn noise_that_hides_a_difference_is_said_plainly() {
        assert!(!printed(3.0, 0.1).contains("larger than"));
        assert!(printed(3.0, -4.0).contains("differ by up to 4.5 %. It is larger than the difference of connection"));
    }

    #[test]
    fn memory_is_in_mebibytes_and_may_be_less() {
        assert_eq!(cells(&printed(3.0, 0.1), "request")[1..5], ["request", "idle, workers: 4", "64.0 MiB", "-0.5 MiB"]);
    }
}
