//! `evenkeel-bench demo`: two gateways become four, with nothing, with timer caps and with Evenkeel.
//!
//! A NodePort spreads connections at random over gateways; clients hold one connection each. [`run`] does one run with
//! real programs ([`evenkeel_tests::gateways`]); what follows from it is pure ([`outcome`], [`verdict`]) and so is its wording ([`frame`], [`table`], [`curves`]).

mod chart;
mod curves;
mod frame;
mod outcome;
mod plan;
mod run;
mod screen;
mod table;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use console::style;
use evenkeel_tests::gateways::Clients;
use evenkeel_tests::{EnvoyVersion, artifact};
use tokio::runtime::Builder;

use self::outcome::{Outcome, Runs, Summary};
use self::plan::{GATEWAYS, Plan};
use crate::gateways::variant::Variant;
use crate::{json_file, signals};

const ENVOY: EnvoyVersion = EnvoyVersion::NEWEST;

/// How long, and where the result goes.
#[derive(Debug, Args)]
pub struct Options {
    /// Writes the result as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draws max/mean and closes over time into this PNG file; `target/demo.png` if nothing is said.
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    /// Takes a minute and a half instead of two: timers are shorter, and less is watched.
    #[arg(long)]
    short: bool,
    /// How long each run goes on after the scale-out; 32, with --short 28.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

impl Options {
    fn plan(&self) -> Result<Plan> {
        let plan = if self.short { Plan::short() } else { Plan::full() };
        self.seconds.map_or(Ok(plan.clone()), |seconds| plan.with_after(Duration::from_secs(seconds)))
    }
}

/// Shows all runs; the exit code is 1 when a request failed or Evenkeel did not help.
pub fn run(options: &Options) -> Result<ExitCode> {
    let plan = options.plan()?;
    options.json.as_deref().map_or(Ok(()), json_file::check)?;
    // Dropping what runs ends its processes: an interrupted demo returns through here like a finished one.
    // One thread: on several, hyper's HTTP/2 client may itself reset a request that it sends while a GOAWAY comes,
    // whoever sends that (https://github.com/hyperium/hyper/issues/2500).
    let runs =
        Builder::new_current_thread().enable_all().build()?.block_on(signals::unless_interrupted(all_runs(&plan)));
    let Some(runs) = runs? else {
        return Ok(signals::exit());
    };
    report(options, &plan, &runs)
}

/// One after the other: side by side they would take each other's CPU.
async fn all_runs(plan: &Plan) -> Result<Runs> {
    introduce(plan);
    let [nothing, timers, evenkeel] = Variant::ALL;
    Ok([one_run(plan, nothing).await?, one_run(plan, timers).await?, one_run(plan, evenkeel).await?])
}

async fn one_run(plan: &Plan, variant: Variant) -> Result<(Variant, Outcome)> {
    let number = Variant::ALL.iter().take_while(|other| **other != variant).count() + 1;
    let title = format!("{number} of {}, {}", Variant::ALL.len(), variant.name());
    println!("\n{}: {}.\nWatch gateways 3 and 4.", style(title).bold(), variant.explanation(&plan.setup));
    Ok((variant, run::run(plan, ENVOY, variant).await?))
}

fn introduce(plan: &Plan) {
    let Clients { h1, h2, grpc } = plan.clients;
    let [first, all] = GATEWAYS;
    println!("\n{}, Envoy {ENVOY}", style("Evenkeel: connections that move when gateways are added").bold());
    println!("  {} persistent clients ({h1} HTTP/1.1, {h2} HTTP/2, {grpc} gRPC)", plan.clients.total());
    println!("  -> a NodePort that spreads connections at random over the endpoints from `evenkeel serve`");
    println!("  -> {first} gateways; after {} s {} more start", plan.before.as_secs(), all - first);
    println!("  -> backends");
}

/// Prints and writes what came of it, and says whether it is what the demo promises.
fn report(options: &Options, plan: &Plan, runs: &Runs) -> Result<ExitCode> {
    println!("\n{}", table::side_by_side(runs));
    println!("\nFigures are the mean of the last {} s. Time counts from the scale-out.\n", plan.window.as_secs());
    println!("{}\n", curves::in_terminal(runs));
    picture(options.chart.as_deref(), runs)?;
    if let Some(file) = &options.json {
        json_file::write(file, &Summary::new(runs, ENVOY.number(), plan.clients))?;
    }
    let complaints = verdict::complaints(runs);
    if complaints.is_empty() {
        println!("{}", style(verdict::conclusion(runs)).green());
        return Ok(ExitCode::SUCCESS);
    }
    for complaint in complaints {
        eprintln!("{}", style(complaint).for_stderr().red());
    }
    Ok(ExitCode::FAILURE)
}

fn picture(file: Option<&Path>, runs: &Runs) -> Result<()> {
    let file = file.map_or_else(|| artifact::target_folder().join("demo.png"), Path::to_owned);
    chart::draw(&file, runs).with_context(|| format!("cannot draw {}", file.display()))?;
    println!("The same as a picture: {}\n", file.display());
    Ok(())
}
