//! The command line.

mod log;
mod serve;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Evenkeel keeps connections evenly spread over gateways and pods.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version)]
struct Cli {
    #[command(flatten)]
    log: log::LogArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArguments),
}

/// Does what the command line says. Problems are printed on standard error, and the exit code is then 1.
pub fn run() -> ExitCode {
    let Cli { log, command } = Cli::parse();
    let Command::Serve(arguments) = command;
    match log.start().and_then(|()| serve::run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
