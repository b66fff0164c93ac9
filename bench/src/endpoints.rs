//! `evenkeel-bench endpoints`.

mod assignment;
mod case;
mod client;
mod fleet;
mod processors;
mod ratio;
mod report;
mod rounds;
mod server;
mod table;
mod tally;
mod transport;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use evenkeel_tests::process::raise_open_files;
use tokio::runtime::Builder;

use self::case::Case;
use self::processors::Processors;
use self::report::{Comparison, Row};
use self::table::Printed;
use crate::progress::Progress;
use crate::{json_file, signals};

/// Both fleets of 1,000 connections, and some more.
const OPEN_FILES: u64 = 4_096;

/// What to measure, and where the result goes.
#[derive(Debug, Args)]
pub struct Options {
    /// Writes the result as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measures each case with fewer changes: about a minute instead of about ten.
    #[arg(long)]
    quick: bool,
}

/// Measures, prints, writes.
pub fn run(options: &Options) -> Result<ExitCode> {
    options.json.as_deref().map_or(Ok(()), json_file::check)?;
    raise_open_files(OPEN_FILES)?;
    // Before any thread starts: all of ours inherit it.
    let processors = Processors::choose()?;
    processors.bind_load()?;
    let runtime = Builder::new_multi_thread().worker_threads(processors.of_load()).enable_all().build()?;
    // Dropping what runs ends its processes: an interrupted benchmark returns through here like a finished one.
    let comparisons = runtime.block_on(async {
        tokio::select! {
            comparisons = measure(options, &processors) => comparisons.map(Some),
            signal = signals::interrupted() => signal.map(|()| None),
        }
    })?;
    let Some(comparisons) = comparisons else {
        eprintln!("Interrupted; everything that ran has ended.");
        return Ok(ExitCode::from(signals::INTERRUPTED));
    };
    println!("{}", Printed { comparisons: &comparisons, processors: &processors });
    let rows: Vec<&Row> = comparisons.iter().flat_map(|comparison| [&comparison.ours, &comparison.theirs]).collect();
    options.json.as_deref().map_or(Ok(()), |file| json_file::write(file, &rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn measure(options: &Options, processors: &Processors) -> Result<Vec<Comparison>> {
    let cases = Case::all();
    let mut progress = Progress::start("Pushes, cases", cases.len() as u64)?;
    let mut comparisons = Vec::new();
    for case in cases {
        let measured = rounds::measure(case, case.effort(options.quick), processors).await;
        let measured = measured.with_context(|| format!("{case:?}"))?;
        comparisons.extend(<[_; 2]>::try_from(measured).map(|measured| Comparison::new(case, &measured)));
        progress.step();
    }
    Ok(comparisons)
}
