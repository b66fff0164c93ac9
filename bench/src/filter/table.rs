//! The report for people.

use std::fmt::{self, Display, Formatter};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};

use super::load::Protocol;
use super::memory::Memory;
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
    for idle in &memory.idle {
        let what = format!("idle, {} workers", idle.workers);
        table.add_row([
            idle.variant.name().to_owned(),
            what,
            mebibytes(idle.without_bytes as i64),
            mebibytes(idle.added_bytes),
        ]);
    }
    for connections in &memory.connections {
        let what = "per 10,000 connections".to_owned();
        let (without, added) = (connections.without_bytes as i64, connections.added_bytes);
        table.add_row([connections.variant.name().to_owned(), what, mebibytes(without), mebibytes(added)]);
    }
    table
}

fn mebibytes(bytes: i64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Names to the left, numbers to the right.
fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
