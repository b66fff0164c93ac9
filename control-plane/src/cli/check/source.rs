//! Answers that were saved to files.

use crate::check::Envoy;
use anyhow::{Context, ensure};
use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What was saved.
#[derive(Args, Debug)]
pub struct Files {
    /// Saved answer to `GET /config_dump?include_eds`, - for standard input
    #[arg(long, value_name = "FILE")]
    config_dump: Option<PathBuf>,
    /// Saved answer to `GET /clusters?format=json`
    #[arg(long, value_name = "FILE", requires = "config_dump")]
    clusters: Option<PathBuf>,
    /// Saved answer to `GET /stats`
    #[arg(long, value_name = "FILE", requires = "config_dump")]
    stats: Option<PathBuf>,
}

impl Files {
    /// The Envoy that the files are of; none when no file is named.
    pub fn envoy(&self) -> anyhow::Result<Option<Envoy>> {
        let Some(config_dump) = &self.config_dump else { return Ok(None) };
        let all = [Some(config_dump), self.clusters.as_ref(), self.stats.as_ref()];
        let from_standard_input = all.iter().flatten().filter(|file| is_standard_input(file)).count();
        ensure!(from_standard_input <= 1, "only one file can be standard input (-)");
        let optional = |file: &Option<PathBuf>| file.as_deref().map(read).transpose();
        let (clusters, stats) = (optional(&self.clusters)?, optional(&self.stats)?);
        Ok(Some(Envoy::parse(&read(config_dump)?, clusters.as_deref(), stats.as_deref())?))
    }
}

/// The text of a file, or of standard input.
pub fn read(file: &Path) -> anyhow::Result<String> {
    if !is_standard_input(file) {
        return std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
    Ok(text)
}

fn is_standard_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}
