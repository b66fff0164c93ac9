//! What our own build makes and others run: the filter and the control plane.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::image;

/// The filter, built by `cargo xtask wasm`; `EVENKEEL_WASM` names another one.
///
/// # Errors
/// Names the command that builds it when it is missing.
pub fn wasm() -> Result<PathBuf> {
    find("EVENKEEL_WASM", "evenkeel.wasm", "cargo xtask wasm")
}

/// The filter that has caps alone, for Istio's `WasmPlugin`; `EVENKEEL_CAPS_WASM` names another one.
///
/// # Errors
/// Names the command that builds it when it is missing.
pub fn caps_wasm() -> Result<PathBuf> {
    find("EVENKEEL_CAPS_WASM", "evenkeel-caps.wasm", "cargo xtask wasm")
}

/// The filter that traps again and again, for tests; `EVENKEEL_TRAP_WASM` names another one.
///
/// # Errors
/// Names the command that builds it when it is missing.
pub fn trap_wasm() -> Result<PathBuf> {
    find("EVENKEEL_TRAP_WASM", "evenkeel-trap.wasm", "cargo xtask wasm --trap")
}

/// The control plane's binary; `EVENKEEL_BINARY` names another one.
///
/// # Errors
/// Names the command that builds it when it is missing.
pub fn control_plane() -> Result<PathBuf> {
    find("EVENKEEL_BINARY", "debug/evenkeel", "cargo build -p evenkeel")
}

/// The control plane as it is released; `EVENKEEL_RELEASED_BINARY` names another one.
///
/// # Errors
/// Names the command that builds it when it is missing.
pub fn released_control_plane() -> Result<PathBuf> {
    find("EVENKEEL_RELEASED_BINARY", "release/evenkeel", "cargo build --release -p evenkeel")
}

/// The control plane as a binary that needs no other file; `EVENKEEL_STATIC_BINARY` names another one.
///
/// # Errors
/// Names the command that builds it when it is missing.
pub fn static_control_plane() -> Result<PathBuf> {
    let target = image::target();
    let command = format!("cargo build -p evenkeel --target {target}");
    find("EVENKEEL_STATIC_BINARY", &format!("{target}/debug/evenkeel"), &command)
}

/// Evenkeel's side of `bench endpoints`; `EVENKEEL_BENCH_SERVER` names another one.
///
/// # Errors
/// Names the command that builds it when it is missing.
pub fn bench_server() -> Result<PathBuf> {
    let command = "cargo build --release -p evenkeel-bench-server";
    find("EVENKEEL_BENCH_SERVER", "release/evenkeel-bench-server", command)
}

/// The other side of `bench endpoints`; `EVENKEEL_GO_CONTROL_PLANE_SERVER` names another one.
///
/// # Errors
/// Names the command that builds it when it is missing.
pub fn go_control_plane_server() -> Result<PathBuf> {
    find("EVENKEEL_GO_CONTROL_PLANE_SERVER", "go-control-plane-server", "cargo xtask bench endpoints")
}

/// Cargo's target folder of this workspace.
pub fn target_folder() -> PathBuf {
    let configured = env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    configured.map_or_else(|| workspace_folder().join("target"), |folder| workspace_folder().join(folder))
}

/// The root of this workspace: the nearest folder with `Cargo.lock` above the crate that cargo runs.
///
/// Cargo says at run time which crate that is; copies of this workspace may share one target folder, and then what was
/// compiled in may name another copy.
pub fn workspace_folder() -> PathBuf {
    let running = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let start = running.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    start.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).unwrap_or(&start).to_owned()
}

fn find(variable: &str, name: &str, command: &str) -> Result<PathBuf> {
    let path = env::var_os(variable).map_or_else(|| target_folder().join(name), PathBuf::from);
    ensure!(path.is_file(), "{} is missing: run `{command}` (or set {variable})", path.display());
    path.canonicalize().with_context(|| format!("cannot resolve {}", path.display()))
}
