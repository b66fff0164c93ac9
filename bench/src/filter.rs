//! `evenkeel-bench filter`.

mod bed;
mod load;
mod memory;
mod processors;
mod report;
mod rounds;
mod samples;
mod statistics;
mod table;
mod variant;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::Backend;
use tokio::runtime::Builder;

use self::bed::Beds;
use self::processors::Processors;
use self::report::Report;
use self::variant::Modules;
use crate::{json_file, signals};

/// What to measure, and where the result goes.
#[derive(Debug, Args)]
pub struct Options {
    /// Writes the result as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often every variant is measured; more rounds make the spread smaller.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(6..=1000))]
    rounds: u32,
    /// Which Envoy: 1.37.0 or 1.40.0.
    #[arg(long, default_value = EnvoyVersion::NEWEST.number(), value_parser = envoy_version)]
    envoy: EnvoyVersion,
}

fn envoy_version(number: &str) -> Result<EnvoyVersion, String> {
    let known = EnvoyVersion::ALL.map(EnvoyVersion::number);
    let found = EnvoyVersion::ALL.into_iter().find(|version| version.number() == number);
    found.ok_or_else(|| format!("Envoy {number} is no bed: use one of {}", known.join(", ")))
}

/// Measures, prints, writes.
pub fn run(options: &Options) -> Result<ExitCode> {
    options.json.as_deref().map_or(Ok(()), json_file::check)?;
    // Before any thread starts: all of ours inherit it.
    let processors = Processors::choose()?;
    processors.bind_load()?;
    // Dropping what runs ends its processes: an interrupted benchmark returns through here like a finished one.
    let report = Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(signals::unless_interrupted(measure(options, processors)))?;
    let Some(report) = report else {
        return Ok(signals::exit());
    };
    println!("{report}");
    options.json.as_deref().map_or(Ok(()), |file| json_file::write(file, &report))?;
    Ok(ExitCode::SUCCESS)
}

async fn measure(options: &Options, processors: Processors) -> Result<Report> {
    let (modules, backend) = (Modules::find()?, Backend::start()?);
    let beds = Beds { version: options.envoy, modules: &modules, backend: &backend };
    let samples = rounds::measure(&beds, processors, options.rounds).await?;
    let memory = memory::measure(&beds).await?;
    Ok(Report { envoy: options.envoy.number(), rounds: options.rounds, rows: report::rows(&samples), memory })
}
