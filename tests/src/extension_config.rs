//! The files from which Envoy discovers Evenkeel's filter configuration (ECDS by path).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bootstrap::{CONNECTION_ROOT, OUTBOUND_ROOT, REQUEST_ROOT, wasm_plugin};

const KNOW_CONNECTIONS: [&str; 2] = [CONNECTION_ROOT, REQUEST_ROOT];

/// One file per root in a folder of its own, always replaced by rename.
#[derive(Debug)]
pub struct ExtensionConfig {
    folder: TempDir,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    version: u64,
    module: PathBuf,
    configuration: String,
    outbound: String,
}

impl ExtensionConfig {
    /// The files of both roots that know connections with the same plugin configuration, as version 1; that of
    /// `evenkeel.outbound` with one that does nothing.
    pub fn new(module: &Path, configuration: &Value) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot create a folder for extension configurations")?;
        let current = Current { version: 0, module: module.to_owned(), ..Current::default() };
        let files = Self { folder, current: Mutex::new(current) };
        files.edit_outbound(&json!({}))?;
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

    /// Gives both roots that know connections a new plugin configuration; returns its `version_info`.
    pub fn edit(&self, configuration: &Value) -> Result<u64> {
        self.edit_text(&configuration.to_string())
    }

    /// As [`Self::edit`], with any text: also what is not JSON.
    pub fn edit_text(&self, configuration: &str) -> Result<u64> {
        self.replace(&KNOW_CONNECTIONS, |current| configuration.clone_into(&mut current.configuration))
    }

    /// Gives `evenkeel.outbound` a new plugin configuration, and the others none.
    pub fn edit_outbound(&self, configuration: &Value) -> Result<u64> {
        self.replace(&[OUTBOUND_ROOT], |current| current.outbound = configuration.to_string())
    }

    /// Gives all roots another module: Envoy makes new VMs for it.
    pub fn edit_module(&self, module: &Path) -> Result<u64> {
        self.replace(&[CONNECTION_ROOT, REQUEST_ROOT, OUTBOUND_ROOT], |current| module.clone_into(&mut current.module))
    }

    fn replace(&self, roots: &[&str], change: impl FnOnce(&mut Current)) -> Result<u64> {
        let mut current = self.current.lock().map_err(|_| anyhow!("another edit has panicked"))?;
        change(&mut current);
        current.version += 1;
        for root in roots {
            self.write(root, &current)?;
        }
        Ok(current.version)
    }

    /// Writes beside and renames: Envoy never sees half a file.
    fn write(&self, root: &str, current: &Current) -> Result<()> {
        let configuration = if root == OUTBOUND_ROOT { &current.outbound } else { &current.configuration };
        let plugin = wasm_plugin(root, &current.module, configuration);
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
