//! The bed `clients`: the load clients that are not written in Rust.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::artifact;
use crate::cache;
use crate::program::{Go, Python};

const COMMAND: &str = "cargo xtask bed clients";

/// The Go client (`net/http`, `x/net/http2`, `grpc-go`).
///
/// # Errors
/// Names the command that builds it when it is missing or older than its sources.
pub fn go() -> Result<PathBuf> {
    let binary = go_folder()?.join("evenkeel-client");
    ensure!(binary.is_file(), "the Go client is not at {}: run `{COMMAND}`", binary.display());
    Ok(binary)
}

/// The folder with grpcio, to be put on `PYTHONPATH`.
///
/// # Errors
/// Names the command that installs it when it is missing.
pub fn grpcio() -> Result<PathBuf> {
    let folder = grpcio_folder()?;
    ensure!(folder.is_dir(), "grpcio is not at {}: run `{COMMAND}`", folder.display());
    Ok(folder)
}

/// The Python program that uses grpcio.
pub fn grpcio_program() -> PathBuf {
    sources("grpcio").join("client.py")
}

/// Builds and installs what is missing, and returns the places.
///
/// # Errors
/// When Go or Python is missing or a hash differs.
pub fn prepare() -> Result<Vec<PathBuf>> {
    cache::fill_once(&go_folder()?, |folder| {
        Go::find()?.build(&sources("go"), ".", "", &folder.join("evenkeel-client"))
    })?;
    cache::fill_once(&grpcio_folder()?, |folder| {
        Python::find()?.install(&sources("grpcio").join("requirements.txt"), folder)
    })?;
    Ok(vec![go()?, grpcio()?])
}

fn sources(name: &str) -> PathBuf {
    artifact::workspace_folder().join("tests/clients").join(name)
}

fn go_folder() -> Result<PathBuf> {
    cache::keyed_folder("clients-go", &sources("go"), &["go.mod", "go.sum"], ".go")
}

fn grpcio_folder() -> Result<PathBuf> {
    cache::keyed_folder("clients-grpcio", &sources("grpcio"), &["requirements.txt"], ".txt")
}
