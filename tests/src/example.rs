//! A copy of the example that users copy, `filter/example`, on free ports.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use evenkeel_bed::{EnvoyVersion, artifact};
use tempfile::TempDir;

use crate::backend::Backend;
use crate::envoy::{Envoy, Start};

/// Listeners, chains and clusters.
pub const ENVOY: &str = "envoy.yaml";
/// The plugin of the network filter, with all settings.
pub const CONNECTION: &str = "evenkeel.connection.yaml";
/// The plugin of the HTTP filter.
pub const REQUEST: &str = "evenkeel.request.yaml";
const FOLDER: &str = "filter/example";

/// The files.
#[derive(Debug)]
pub struct Example {
    folder: TempDir,
}

impl Example {
    /// Copies the files; requests go to this backend.
    ///
    /// # Errors
    /// When the filter is missing (the text names the command), or the files are not what is expected.
    pub fn copy(backend: &Backend) -> Result<Self> {
        let example = Self { folder: tempfile::tempdir()? };
        for file in [ENVOY, CONNECTION, REQUEST] {
            fs::copy(artifact::workspace_folder().join(FOLDER).join(file), example.path(file))?;
        }
        for (port, other) in [(9901, 0), (10000, 0), (8080, backend.address().port())] {
            example.edit(ENVOY, &format!("port_value: {port}}}"), &format!("port_value: {other}}}"))?;
        }
        let module = artifact::wasm()?;
        for file in [CONNECTION, REQUEST] {
            example.edit(file, "../../target/evenkeel.wasm", &module.to_string_lossy())?;
        }
        Ok(example)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Starts Envoy with them.
    ///
    /// # Errors
    /// As [`Start::run_file`].
    pub async fn start(&self, version: EnvoyVersion) -> Result<Envoy> {
        Start::new(version).run_file(&self.path(ENVOY)).await
    }

    /// Puts a changed file in the place of the old one, by rename. What is replaced is in it once.
    ///
    /// # Errors
    /// When it is not.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let text = fs::read_to_string(self.path(file))?;
        ensure!(text.matches(from).count() == 1, "{file} does not have {from:?} once:\n{text}");
        let unfinished = self.path("unfinished");
        fs::write(&unfinished, text.replace(from, to))?;
        fs::rename(&unfinished, self.path(file)).with_context(|| format!("cannot replace {file}"))
    }
}
