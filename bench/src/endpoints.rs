//! `evenkeel-bench endpoints`.

mod assignment;
mod case;
mod client;
mod cold_start;
mod fleet;
mod processors;
mod ratio;
mod report;
mod rounds;
mod server;
mod table;
mod tally;
mod transport;

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use clap::Args;
use evenkeel_tests::process::raise_open_files;
use tokio::runtime::Builder;

pub use self::cold_start::bare_list;

use self::case::Case;
use self::cold_start::Size;
use self::processors::Processors;
use self::report::{Comparison, Report};
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
    let Some(report) = measure(options.quick)? else {
        return Ok(signals::exit());
    };
    println!("{report}");
    options.json.as_deref().map_or(Ok(()), |file| json_file::write(file, &report.rows()))?;
    Ok(ExitCode::SUCCESS)
}

/// Nothing if a signal came.
///
/// Cold starts come first: programs that are started later inherit no processors from the threads that are bound to some.
fn measure(quick: bool) -> Result<Option<Report>> {
    let processors = Processors::choose()?;
    let Some(cold_start) = cold_start::measure(Size::new(quick))? else { return Ok(None) };
    let Some(comparisons) = bound(&processors, || pushes(quick, &processors))? else { return Ok(None) };
    Ok(Some(Report { processors, comparisons, cold_start }))
}

/// On a thread that has only the processors of the load, as have the threads that it starts.
fn bound<T: Send>(processors: &Processors, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let thread = || {
        processors.bind_load()?;
        work()
    };
    thread::scope(|scope| scope.spawn(thread).join().unwrap_or_else(|panicked| resume_unwind(panicked)))
}

fn pushes(quick: bool, processors: &Processors) -> Result<Option<Vec<Comparison>>> {
    let mut runtime = Builder::new_multi_thread();
    runtime
        .worker_threads(processors.of_load())
        .enable_all()
        .build()?
        .block_on(signals::unless_interrupted(all_cases(quick, processors)))
}

async fn all_cases(quick: bool, processors: &Processors) -> Result<Vec<Comparison>> {
    let cases = Case::all();
    let mut progress = Progress::start("Pushes, cases", cases.len() as u64)?;
    let mut comparisons = Vec::new();
    for case in cases {
        let measured = rounds::measure(case, case.effort(quick), processors).await;
        comparisons.push(Comparison::new(case, &measured.with_context(|| format!("{case:?}"))?));
        progress.step();
    }
    Ok(comparisons)
}
