//! The table: one row for each Envoy and client.

use std::fs;
use std::io::{Write, stderr};
use std::sync::Mutex;

use anyhow::{Result, anyhow};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{ContentArrangement, Table};
use evenkeel_tests::client::Client;
use evenkeel_tests::{EnvoyVersion, artifact};

use super::gateway::Limit;
use super::run::{Case, Pair, Run};

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
    pub fn new(case: Case, pairs: &[Pair]) -> Self {
        let evenkeel = |of: &dyn Fn(&Run) -> u64| pairs.iter().map(|pair| of(&pair.evenkeel)).sum::<u64>();
        let native = |of: &dyn Fn(&Run) -> u64| pairs.iter().map(|pair| of(&pair.native)).sum::<u64>();
        let drains = |limit| evenkeel(&|run| if run.limit == limit { run.evidence.drains } else { 0 });
        let numbers = [
            evenkeel(&|run| run.traffic.requests()),
            evenkeel(&|run| run.traffic.failed()),
            native(&|run| run.traffic.requests()),
            native(&|run| run.traffic.failed()),
            evenkeel(&|run| run.evidence.reached_and_failed(&run.traffic)),
            evenkeel(&|run| run.evidence.executed_twice.len() as u64),
            drains(Limit::Age),
            drains(Limit::Requests),
            evenkeel(&|run| run.evidence.connections),
            native(&|run| run.evidence.connections),
        ];
        let (name, retries) = (case.client.name(), case.client.default_retries());
        let names = [case.version.to_string(), name.to_owned(), retries.to_owned()];
        Self(names.into_iter().chain(numbers.map(|number| number.to_string())).collect())
    }
}

/// Keeps a row in `target/grace.md`; a complete table is printed past the test harness, which shows only failures.
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
        writeln!(stderr(), "\n{table}")?;
    }
    Ok(())
}

fn render(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled).set_header(HEADER);
    table.add_rows(rows.iter().map(|row| row.0.clone()));
    table
}
