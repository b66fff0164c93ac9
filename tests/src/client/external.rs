//! Clients that are programs of their own: flags in, one line of JSON out.

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

pub(super) fn program(client: Client) -> Result<Command> {
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

/// Waits for the end of the program.
fn outcome(name: &str, command: Command, patience: Duration) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let mut process = Process::spawn(name, command, &folder.path().join("log"))?;
    let status = process.wait(patience)?;
    last_line(&process).with_context(|| format!("{name} ended with {status} and said:\n{}", process.log_tail()))
}

/// The outcome is the last line that such a program says.
pub(super) fn last_line(ended: &Process) -> Result<Outcome> {
    Ok(serde_json::from_str(ended.log().lines().last().unwrap_or_default())?)
}
