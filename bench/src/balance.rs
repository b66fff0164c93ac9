//! `evenkeel-bench balance`: how fast, and at the price of how many closes, a scale-out becomes even.
//!
//! [`run`] does one scale-out with real programs; what follows from it is pure ([`curve`], [`report`]).

mod case;
mod curve;
mod report;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use evenkeel_tests::process::raise_open_files;
use evenkeel_tests::{EnvoyVersion, nginx};
use tokio::runtime::Builder;

use self::case::Case;
use self::report::{Report, Row};
use crate::progress::Progress;
use crate::{json_file, signals};

const ENVOY: EnvoyVersion = EnvoyVersion::NEWEST;
/// The clients of 2,000 connections, and some more; each Envoy has its own limit.
const OPEN_FILES: u64 = 8_192;

/// What to measure, and where the result goes.
#[derive(Debug, Args)]
pub struct Options {
    /// Writes the result as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only 2 -> 4 and 7 -> 8 gateways, with 200 connections: about six minutes instead of about thirty.
    #[arg(long)]
    quick: bool,
}

/// Measures, prints, writes.
pub fn run(options: &Options) -> Result<ExitCode> {
    options.json.as_deref().map_or(Ok(()), json_file::check)?;
    raise_open_files(OPEN_FILES)?;
    let mut cases = if options.quick { Case::few() } else { Case::all() };
    let without_nginx = nginx::find().err().map(|error| format!("{error:#}"));
    cases.retain(|case| without_nginx.is_none() || !case.is_nginx());
    // One thread, as in the demo: hyper's HTTP/2 client on several may itself reset requests at any GOAWAY.
    let rows =
        Builder::new_current_thread().enable_all().build()?.block_on(signals::unless_interrupted(all_cases(&cases)));
    let Some(rows) = rows? else {
        return Ok(signals::exit());
    };
    let report = Report { envoy: ENVOY.number(), without_nginx, rows };
    println!("{report}");
    options.json.as_deref().map_or(Ok(()), |file| json_file::write(file, &report.rows))?;
    Ok(if report.has_failures() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One after the other: side by side they would take each other's CPU.
async fn all_cases(cases: &[Case]) -> Result<Vec<Row>> {
    let mut progress = Progress::start("Scale-outs", cases.len() as u64)?;
    let mut rows = Vec::new();
    for case in cases {
        let scale_out = run::run(case, ENVOY).await.with_context(|| format!("{case:?}"))?;
        rows.push(Row::new(*case, &scale_out));
        progress.step();
    }
    Ok(rows)
}
