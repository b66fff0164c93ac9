//! `evenkeel-bench demo`: two gateways become four, with Evenkeel and without.
//!
//! A NodePort spreads connections at random over gateways; clients hold one connection each. [`run`] does one run with
//! real programs ([`bed`], [`gateway`], [`traffic`]); what follows from it is pure ([`timeline`], [`outcome`], [`verdict`])
//! and so is its wording ([`frame`], [`table`]).

mod bed;
mod frame;
mod gateway;
mod outcome;
mod plan;
mod run;
mod screen;
mod table;
mod timeline;
mod traffic;
mod verdict;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use console::style;
use evenkeel_tests::EnvoyVersion;
use serde_json::json;
use tokio::runtime::Builder;

use self::outcome::{Outcome, Summary};
use self::plan::{Clients, GATEWAYS, Plan};
use self::timeline::EVEN;
use crate::{json_file, signals};

const ENVOY: EnvoyVersion = EnvoyVersion::NEWEST;

/// How long, and where the result goes.
#[derive(Debug, Args)]
pub struct Options {
    /// Writes the result as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Takes about half a minute: younger connections are replaced, and less of them is watched.
    #[arg(long)]
    short: bool,
    /// How long each of the two runs goes on after the scale-out; 25, with --short 10.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

impl Options {
    fn plan(&self) -> Result<Plan> {
        let plan = if self.short { Plan::short() } else { Plan::full() };
        self.seconds.map_or(Ok(plan.clone()), |seconds| plan.with_after(Duration::from_secs(seconds)))
    }
}

/// Shows both runs; the exit code is 1 when a request failed or the filter did not help.
pub fn run(options: &Options) -> Result<ExitCode> {
    let plan = options.plan()?;
    options.json.as_deref().map_or(Ok(()), json_file::check)?;
    // Dropping what runs ends its processes: an interrupted demo returns through here like a finished one.
    // One thread: on several, hyper's HTTP/2 client may itself reset a request that it sends while a GOAWAY comes,
    // whoever sends that (https://github.com/hyperium/hyper/issues/2500).
    let runs = Builder::new_current_thread().enable_all().build()?.block_on(async {
        tokio::select! {
            runs = both_runs(&plan) => runs.map(Some),
            signal = signals::interrupted() => signal.map(|()| None),
        }
    });
    let Some((with, without)) = runs? else {
        eprintln!("Interrupted; everything that ran has ended.");
        return Ok(ExitCode::from(signals::INTERRUPTED));
    };
    report(options, &plan, &with, &without)
}

/// One after the other: side by side they would take each other's CPU.
async fn both_runs(plan: &Plan) -> Result<(Outcome, Outcome)> {
    introduce(plan);
    heading("1 of 2, with Evenkeel", &plan.ages());
    let filter = json!({"inbound": {"maxAge": plan.max_age_text(), "jitter": plan.jitter}});
    let with = run::run(plan, ENVOY, Some(&filter)).await?;
    heading("2 of 2, without", "the same Envoys without the filter");
    let without = run::run(plan, ENVOY, None).await?;
    Ok((with, without))
}

fn introduce(plan: &Plan) {
    let Clients { h1, h2, grpc } = plan.clients;
    let [first, all] = GATEWAYS;
    println!("\n{}, Envoy {ENVOY}", style("Evenkeel: gateways that let go of connections").bold());
    println!("  {} persistent clients ({h1} HTTP/1.1, {h2} HTTP/2, {grpc} gRPC)", plan.clients.total());
    println!("  -> a NodePort that spreads connections at random over the endpoints from `evenkeel serve`");
    println!("  -> {first} gateways; after {} s {} more start", plan.before.as_secs(), all - first);
    println!("  -> backends");
}

fn heading(title: &str, text: &str) {
    println!("\n{}: {text}.\nWatch gateways 3 and 4.", style(title).bold());
}

/// Prints and writes what came of it, and says whether it is what the demo promises.
fn report(options: &Options, plan: &Plan, with: &Outcome, without: &Outcome) -> Result<ExitCode> {
    println!("\n{}", table::side_by_side(with, without));
    println!("\nEach column is the mean of its last {} s. Even means max/mean <= {EVEN}.\n", plan.window.as_secs());
    if let Some(file) = &options.json {
        json_file::write(file, &Summary::new(with, without, ENVOY.number(), plan.clients))?;
    }
    let complaints = verdict::complaints(with, without);
    if complaints.is_empty() {
        println!("{}", style(verdict::conclusion(with, without)).green());
        return Ok(ExitCode::SUCCESS);
    }
    for complaint in complaints {
        eprintln!("{}", style(complaint).for_stderr().red());
    }
    Ok(ExitCode::FAILURE)
}
