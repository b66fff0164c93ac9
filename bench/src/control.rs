//! `evenkeel-bench control`: what the reports of many proxies cost the control plane.
//!
//! Each proxy has an address and a connection of its own, as pods have; there are no Envoys behind them ([`proxy`]), for
//! they cost the control plane the same.

mod case;
mod connection;
mod proxy;
mod report;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use evenkeel_tests::process::raise_open_files;
use tokio::runtime::Builder;
use tokio::time::sleep;

use self::case::Case;
use self::proxy::Proxies;
use self::report::{Report, Row};
use self::server::Server;
use crate::progress::Progress;
use crate::{json_file, signals};

/// Of all proxies and some more; the control plane has as many.
const OPEN_FILES: u64 = 12_000;
/// What is measured, for the figures that count.
const WINDOW: Duration = Duration::from_secs(30);
/// Enough to see that it works.
const SHORT_WINDOW: Duration = Duration::from_secs(3);

/// What to measure, and where the result goes.
#[derive(Debug, Args)]
pub struct Options {
    /// Only 100 active proxies, for a few seconds: shows that it works, and no more.
    #[arg(long)]
    quick: bool,
    /// Writes the result as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures, prints, writes.
pub fn run(options: &Options) -> Result<ExitCode> {
    options.json.as_deref().map_or(Ok(()), json_file::check)?;
    raise_open_files(OPEN_FILES)?;
    let (cases, window) = if options.quick { (&Case::FEW[..], SHORT_WINDOW) } else { (&Case::ALL[..], WINDOW) };
    let measured = signals::unless_interrupted(all_cases(cases, window));
    let rows = Builder::new_multi_thread().enable_all().build()?.block_on(measured);
    let Some(rows) = rows? else {
        return Ok(signals::exit());
    };
    let report = Report { rows };
    println!("{report}");
    options.json.as_deref().map_or(Ok(()), |file| json_file::write(file, &report.rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn all_cases(cases: &[Case], window: Duration) -> Result<Vec<Row>> {
    let mut progress = Progress::start("Loads", cases.len() as u64)?;
    let mut rows = Vec::new();
    for case in cases {
        rows.push(measure(*case, window).await.with_context(|| format!("{case:?}"))?);
        progress.step();
    }
    Ok(rows)
}

async fn measure(case: Case, window: Duration) -> Result<Row> {
    let mut server = Server::start(&case).await?;
    let proxies = Proxies::start(&case, server.xds()).await?;
    sleep(case.warm_up()).await;
    server.check(&case).await?;
    let (start, cpu, reports) = (Instant::now(), server.cpu_time()?, proxies.answered());
    sleep(window).await;
    let (time, cpu, reports) = (start.elapsed(), server.cpu_time()?.saturating_sub(cpu), proxies.answered() - reports);
    server.check(&case).await?;
    let refused = proxies.refused();
    ensure!(refused.is_empty(), "reports were refused: {refused:?}");
    Ok(Row::new(case, time, cpu, reports, server.memory()?))
}
