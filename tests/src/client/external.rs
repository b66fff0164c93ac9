//! Clients that are programs of their own: flags in, one line of JSON out.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use evenkeel_bed::clients;
use tokio::task::spawn_blocking;

use super::{Client, Load, Outcome};
use crate::process::Process;

/// Much longer than any load takes; a client that hangs is killed.
fn patience(load: &Load) -> Duration {
    Duration::from_mins(2) + Duration::from_millis(20 * load.requests)
}

pub(super) async fn run(client: Client, load: &Load) -> Result<Outcome> {
    let mut command = program(client)?;
    command.args(["--target", &load.target.to_string(), "--kind", load.kind.name(), "--prefix", &load.prefix]);
    command.args(["--requests", &load.requests.to_string(), "--concurrency", &load.concurrency.to_string()]);
    let (name, patience) = (format!("{client:?}"), patience(load));
    spawn_blocking(move || outcome(&name, command, patience)).await.context("waiting for the client has panicked")?
}

fn program(client: Client) -> Result<Command> {
    let mut command = match client {
        Client::Grpcio => Command::new("python3"),
        _ => Command::new(clients::go()?),
    };
    match client {
        Client::GoHttp1 => command.arg("http1"),
        Client::GoHttp2 => command.arg("http2"),
        Client::GrpcGo => command.arg("grpc"),
        Client::Grpcio => command.env("PYTHONPATH", clients::grpcio()?).arg(clients::grpcio_program()),
        _ => bail!("{client:?} is not a program of its own"),
    };
    Ok(command)
}

/// Waits for the end of the program; its last line is the outcome.
fn outcome(name: &str, command: Command, patience: Duration) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    let mut process = Process::spawn(name, command, &log)?;
    let status = process.wait(patience)?;
    let output = fs::read_to_string(&log)?;
    let line = output.lines().last().unwrap_or_default();
    serde_json::from_str(line).with_context(|| format!("{name} ended with {status} and said:\n{}", process.log_tail()))
}
