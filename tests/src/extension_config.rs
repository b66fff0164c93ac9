//! The files from which Envoy discovers Evenkeel's filter configuration (ECDS by path).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bootstrap::{CONNECTION_ROOT, REQUEST_ROOT, wasm_plugin};

/// One file per root in a folder of its own, always replaced by rename.
#[derive(Debug)]
pub struct ExtensionConfig {
    folder: TempDir,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    version: u64,
    module: PathBuf,
    configuration: String,
}

impl ExtensionConfig {
    /// Both files with the same plugin configuration, as version 1.
    pub fn new(module: &Path, configuration: &Value) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot create a folder for extension configurations")?;
        let current = Current { version: 0, module: module.to_owned(), configuration: String::new() };
        let files = Self { folder, current: Mutex::new(current) };
        files.edit(configuration)?;
        Ok(files)
    }

    /// The folder that Envoy watches.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The name of the file of a root.
    pub fn file_name(root: &str) -> String {
        format!("{root}.json")
    }

    /// Gives both roots a new plugin configuration; returns its `version_info`.
    pub fn edit(&self, configuration: &Value) -> Result<u64> {
        self.edit_text(&configuration.to_string())
    }

    /// As [`Self::edit`], with any text: also what is not JSON.
    pub fn edit_text(&self, configuration: &str) -> Result<u64> {
        self.replace(|current| configuration.clone_into(&mut current.configuration))
    }

    /// Gives both roots another module: Envoy makes new VMs for it.
    pub fn edit_module(&self, module: &Path) -> Result<u64> {
        self.replace(|current| module.clone_into(&mut current.module))
    }

    fn replace(&self, change: impl FnOnce(&mut Current)) -> Result<u64> {
        let mut current = self.current.lock().map_err(|_| anyhow!("another edit has panicked"))?;
        change(&mut current);
        current.version += 1;
        for root in [CONNECTION_ROOT, REQUEST_ROOT] {
            self.write(root, &current)?;
        }
        Ok(current.version)
    }

    /// Writes beside and renames: Envoy never sees half a file.
    fn write(&self, root: &str, current: &Current) -> Result<()> {
        let plugin = wasm_plugin(root, &current.module, &current.configuration);
        let resource = json!({
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": root,
            "typed_config": plugin,
        });
        let response = json!({"version_info": current.version.to_string(), "resources": [resource]});
        let file = self.folder().join(Self::file_name(root));
        let unfinished = file.with_extension("unfinished");
        fs::write(&unfinished, serde_json::to_vec_pretty(&response)?)?;
        fs::rename(&unfinished, &file).with_context(|| format!("cannot replace {}", file.display()))
    }
}
