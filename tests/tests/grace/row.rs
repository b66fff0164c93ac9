//! The table: one row for each Envoy and client.

use std::fs;
use std::sync::Mutex;

use anyhow::{Result, anyhow};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{ContentArrangement, Table};
use evenkeel_tests::client::Client;
use evenkeel_tests::{EnvoyVersion, artifact};

use super::gateway::Limit;
use super::run::Run;

const HEADER: &[&str] = &[
    "Envoy",
    "client",
    "its default retries",
    "requests",
    "failed with Evenkeel",
    "requests (native caps)",
    "failed with native caps",
    "reached Envoy and failed",
    "executed twice",
    "drains by age",
    "drains by requests",
    "connections",
    "connections (native caps)",
];

/// The columns of [`HEADER`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row(Vec<String>);

impl Row {
    pub fn new(version: EnvoyVersion, client: Client, evenkeel: &[Run], native: &[Run]) -> Self {
        let drains = |limit| sum(evenkeel, |run| if run.limit == limit { run.evidence.drains } else { 0 });
        let numbers = [
            sum(evenkeel, |run| run.traffic.requests()),
            sum(evenkeel, |run| run.traffic.failed()),
            sum(native, |run| run.traffic.requests()),
            sum(native, |run| run.traffic.failed()),
            sum(evenkeel, |run| run.evidence.reached_and_failed(&run.traffic)),
            sum(evenkeel, |run| run.evidence.executed_twice.len() as u64),
            drains(Limit::Age),
            drains(Limit::Requests),
            sum(evenkeel, |run| run.evidence.connections),
            sum(native, |run| run.evidence.connections),
        ];
        let names = [version.to_string(), client.name().to_owned(), client.default_retries().to_owned()];
        Self(names.into_iter().chain(numbers.map(|number| number.to_string())).collect())
    }
}

fn sum(runs: &[Run], of: impl Fn(&Run) -> u64) -> u64 {
    runs.iter().map(of).sum()
}

/// Keeps a row in `target/grace.md`, and prints the table when it is complete.
///
/// # Errors
/// When the file cannot be written.
pub fn publish(row: &Row) -> Result<()> {
    static ROWS: Mutex<Vec<Row>> = Mutex::new(Vec::new());
    let mut rows = ROWS.lock().map_err(|_| anyhow!("another row has panicked"))?;
    rows.push(row.clone());
    rows.sort();
    let table = render(&rows);
    fs::write(artifact::target_folder().join("grace.md"), format!("{table}\n"))?;
    println!("{}", render(std::slice::from_ref(row)));
    if rows.len() == EnvoyVersion::ALL.len() * Client::ALL.len() {
        println!("{table}");
    }
    Ok(())
}

fn render(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled).set_header(HEADER);
    table.add_rows(rows.iter().map(|row| row.0.clone()));
    table
}
