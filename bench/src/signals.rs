//! Ctrl-C and SIGTERM.

use std::process::ExitCode;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// What work gives; nothing when a signal comes first, and then the work is dropped with all that it has started.
pub async fn unless_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    tokio::select! {
        done = work => done.map(Some),
        signal = interrupted() => signal.map(|()| None),
    }
}

/// Says so.
pub fn exit() -> ExitCode {
    eprintln!("Interrupted; everything that ran has ended.");
    ExitCode::from(INTERRUPTED)
}

/// Returns when the user or the system wants us to end.
pub async fn interrupted() -> Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
