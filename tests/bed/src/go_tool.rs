//! Programs that Go builds from their modules, as `tests/beds/go.mod` lists them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::artifact;
use crate::cache;
use crate::digest;
use crate::program::Go;

/// A program, and the bed that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoTool {
    /// The name of the binary.
    pub name: &'static str,
    /// Go's name of the program.
    pub package: &'static str,
    /// The command that prepares it.
    pub command: &'static str,
    /// How long the build takes on two processors.
    pub duration: &'static str,
}

impl GoTool {
    /// The path of the prepared binary.
    ///
    /// # Errors
    /// Names the command that prepares it when it is missing.
    pub fn find(self) -> Result<PathBuf> {
        let binary = self.folder()?.join(self.name);
        ensure!(binary.is_file(), "{} is not at {}: run `{}`", self.name, binary.display(), self.command);
        Ok(binary)
    }

    /// Builds it if it is missing, with these flags for the linker, and returns its path.
    ///
    /// # Errors
    /// When Go is missing or a module cannot be had.
    pub fn prepare(self, linker: &str) -> Result<PathBuf> {
        cache::fill_once(&self.folder()?, |folder| {
            eprintln!("building {}, {}", self.name, self.duration);
            Go::find()?.build(&sources(), self.package, linker, &folder.join(self.name))
        })?;
        self.find()
    }

    /// One folder each: what is built stays when the next one is interrupted.
    fn folder(self) -> Result<PathBuf> {
        Ok(folder()?.join(self.name))
    }
}

/// The cache folder of all that comes from these modules, named by the hash of their versions.
pub fn folder() -> Result<PathBuf> {
    let key = digest::sha256(&[read("go.mod")?, read("go.sum")?].concat());
    Ok(cache::folder()?.join(format!("go-{}", &key[..16])))
}

/// The version of a module, without `v`.
///
/// # Errors
/// When it is not among the modules.
pub fn version(module: &str) -> Result<String> {
    let go_mod = String::from_utf8(read("go.mod")?).context("tests/beds/go.mod is no text")?;
    let version = version_in(&go_mod, module);
    version.with_context(|| format!("tests/beds/go.mod does not say which version of {module}"))
}

fn version_in(go_mod: &str, module: &str) -> Option<String> {
    let line = |line: &str| Some(line.trim().strip_prefix(module)?.strip_prefix(" v")?.split(' ').next()?.to_owned());
    go_mod.lines().find_map(line)
}

/// The folder of the modules' list.
pub fn sources() -> PathBuf {
    artifact::workspace_folder().join("tests/beds")
}

fn read(name: &str) -> Result<Vec<u8>> {
    fs::read(sources().join(name)).with_context(|| format!("cannot read tests/beds/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_that_of_the_module_and_of_no_longer_name() {
        let go_mod = "require (\n\tk8s.io/kubernetes-x v1.0.0\n\tk8s.io/kubernetes v1.36.3 // indirect\n)\n";
        assert_eq!(version_in(go_mod, "k8s.io/kubernetes").as_deref(), Some("1.36.3"));
        assert_eq!(version_in("module beds\n", "k8s.io/kubernetes"), None);
    }
}
