//! `cargo xtask bed`.

use anyhow::Result;
use clap::ValueEnum;
use evenkeel_bed::{EnvoyVersion, clients};

/// A bed that can be prepared.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Name {
    /// Envoy 1.37.0 and 1.40.0.
    Envoy,
    /// The Go and Python load clients.
    Clients,
}

/// Prepares the named beds, or all; what is there already is only looked at.
pub fn prepare(names: &[Name]) -> Result<()> {
    let names = if names.is_empty() { Name::value_variants() } else { names };
    names.iter().try_for_each(|name| match name {
        Name::Envoy => envoy(),
        Name::Clients => load_clients(),
    })
}

fn envoy() -> Result<()> {
    for version in EnvoyVersion::ALL {
        println!("{}", version.prepare()?);
    }
    Ok(())
}

fn load_clients() -> Result<()> {
    for path in clients::prepare()? {
        println!("{}", path.display());
    }
    Ok(())
}
