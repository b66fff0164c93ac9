//! `evenkeel-bench control`: what the reports of many proxies cost the control plane.
//!
//! Each proxy has an address and a connection of its own, as pods have; there are no Envoys behind them ([`proxy`]), for
//! they cost the control plane the same.

mod case;
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
/// After the last connection: every proxy has then reported a second time, at the interval that it was told.
const WARM_UP: Duration = Duration::from_secs(22);
/// What is measured.
const WINDOW: Duration = Duration::from_secs(30);

/// Where the result goes.
#[derive(Debug, Args)]
pub struct Options {
    /// Writes the result as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures, prints, writes.
pub fn run(options: &Options) -> Result<ExitCode> {
    options.json.as_deref().map_or(Ok(()), json_file::check)?;
    raise_open_files(OPEN_FILES)?;
    let rows = Builder::new_multi_thread().enable_all().build()?.block_on(signals::unless_interrupted(all_cases()));
    let Some(rows) = rows? else {
        return Ok(signals::exit());
    };
    let report = Report { rows };
    println!("{report}");
    options.json.as_deref().map_or(Ok(()), |file| json_file::write(file, &report.rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn all_cases() -> Result<Vec<Row>> {
    let cases = Case::ALL;
    let mut progress = Progress::start("Loads", cases.len() as u64)?;
    let mut rows = Vec::new();
    for case in cases {
        rows.push(measure(case).await.with_context(|| format!("{case:?}"))?);
        progress.step();
    }
    Ok(rows)
}

async fn measure(case: Case) -> Result<Row> {
    let mut server = Server::start(&case).await?;
    let proxies = Proxies::start(&case, server.xds()).await?;
    sleep(WARM_UP).await;
    server.check(&case).await?;
    let (start, cpu, reports) = (Instant::now(), server.cpu_time()?, proxies.answered());
    sleep(WINDOW).await;
    let (time, cpu, reports) = (start.elapsed(), server.cpu_time()?.saturating_sub(cpu), proxies.answered() - reports);
    server.check(&case).await?;
    let refused = proxies.refused();
    ensure!(refused.is_empty(), "reports were refused: {refused:?}");
    Ok(Row::new(case, time, cpu, reports, server.memory()?))
}
