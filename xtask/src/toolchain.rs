//! Which Rust toolchain builds for wasm32 on this machine.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use evenkeel_bed::program;

use crate::cargo;

/// The filter's target.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Names the toolchain instead of looking for one: `rustup` or `debian`.
const CHOICE: &str = "EVENKEEL_WASM_TOOLCHAIN";

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "/usr/lib/llvm-22/bin/wasm-ld";
const DEBIAN_SOURCE: &str = "library/std/Cargo.toml";

/// A toolchain with a standard library for [`TARGET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The one that runs us, with rustup's ready-made standard library.
    Rustup,
    /// Debian's `rustc-web`, which builds the standard library from its sources.
    Debian,
}

impl Toolchain {
    /// The first that works: rustup's target, rustup's target after adding it, Debian's packages.
    ///
    /// # Errors
    /// When only packages are missing and we may not install them: the exact command.
    pub fn find() -> Result<Self> {
        let forced = env::var(CHOICE).ok();
        match forced.as_deref() {
            Some("rustup") => Self::rustup(),
            Some("debian") => Self::debian(),
            Some(other) => bail!("{CHOICE} is {other:?}: set it to rustup or debian, or unset it"),
            None if rustup_has_target() || rustup_adds_target() => Ok(Self::Rustup),
            None => Self::debian(),
        }
    }

    /// A `cargo build` call for [`TARGET`]; the caller adds what to build.
    pub fn build(self) -> Command {
        match self {
            Self::Rustup => cargo::command(&["build", "--target", TARGET]),
            Self::Debian => debian_build(),
        }
    }

    fn rustup() -> Result<Self> {
        if rustup_has_target() || rustup_adds_target() {
            return Ok(Self::Rustup);
        }
        bail!("rustup cannot add the target: run `rustup target add {TARGET}` and read its error, or unset {CHOICE}")
    }

    fn debian() -> Result<Self> {
        if !debian_is_complete() {
            program::install_packages(&DEBIAN_PACKAGES)?;
        }
        Ok(Self::Debian)
    }
}

fn rustup_has_target() -> bool {
    let listed = program::output(Command::new("rustup").args(["target", "list", "--installed"]));
    listed.is_ok_and(|targets| targets.lines().any(|line| line == TARGET))
}

fn rustup_adds_target() -> bool {
    program::works(Command::new("rustup").args(["target", "add", TARGET]))
}

fn debian_is_complete() -> bool {
    let source = program::output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]))
        .map(|sysroot| Path::new(sysroot.trim()).join("lib/rustlib/src/rust").join(DEBIAN_SOURCE));
    [DEBIAN_CARGO, DEBIAN_RUSTC, DEBIAN_LINKER].iter().all(|path| Path::new(path).exists())
        && source.is_ok_and(|path| path.exists())
}

/// Debian has no ready-made standard library for wasm32; `-Zbuild-std` of a stable compiler needs the bootstrap switch.
fn debian_build() -> Command {
    let mut command = Command::new(DEBIAN_CARGO);
    command.args(["build", "--target", TARGET, "-Zbuild-std=std,panic_abort"]);
    command.current_dir(evenkeel_bed::artifact::workspace_folder());
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", DEBIAN_RUSTC);
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER);
    // Rustup's proxies choose their toolchain by these.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    command
}
