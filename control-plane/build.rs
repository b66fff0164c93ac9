//! Tells the compiler where the filter is that the feature `embedded-filter` embeds.

use std::env;
use std::path::PathBuf;

const VARIABLE: &str = "EVENKEEL_WASM";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Tests use the variable as well: without the feature a change of it is none for this crate.
    if env::var_os("CARGO_FEATURE_EMBEDDED_FILTER").is_none() {
        return;
    }
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    match filter() {
        Ok(file) => {
            println!("cargo::rerun-if-changed={}", file.display());
            println!("cargo::rustc-env=EVENKEEL_EMBEDDED_FILTER={}", file.display());
        }
        Err(problem) => println!("cargo::error=feature `embedded-filter`: {problem}"),
    }
}

fn filter() -> Result<PathBuf, String> {
    let remedy = "set it to the absolute path of the file that `cargo xtask wasm` makes";
    let file = env::var_os(VARIABLE).map(PathBuf::from).ok_or_else(|| format!("{VARIABLE} is not set; {remedy}"))?;
    let content = std::fs::read(&file).map_err(|error| format!("{VARIABLE}={}: {error}; {remedy}", file.display()))?;
    if content.starts_with(b"\0asm") {
        return Ok(file);
    }
    Err(format!("{VARIABLE}={}: it is no WebAssembly module; {remedy}", file.display()))
}
