//! The command line.

mod admin;
mod check;
mod crd;
mod log;
mod mesh;
mod render;
mod serve;
mod simulate;
mod status;

pub use log::LogArguments;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Evenkeel keeps connections evenly spread over gateways and pods.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version)]
struct Cli {
    #[command(flatten)]
    log: LogArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Box<check::CheckArguments>),
    Crd(crd::CrdArguments),
    Render(render::RenderArguments),
    Serve(Box<serve::ServeArguments>),
    Simulate(simulate::SimulateArguments),
    Status(status::StatusArguments),
}

/// Does what the command line says. Problems are printed on standard error, and the exit code is then 1.
pub fn run() -> ExitCode {
    let Cli { log, command } = Cli::parse();
    let run = || match &command {
        Command::Check(arguments) => check::run(arguments),
        Command::Crd(arguments) => crd::run(arguments),
        Command::Render(arguments) => render::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Simulate(arguments) => simulate::run(arguments),
        Command::Status(arguments) => status::run(arguments),
    };
    match log.start().and_then(|()| run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
