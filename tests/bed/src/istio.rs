//! The bed `istio`: Istio's programs, built by Go from their modules, and the files that they need.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::go_tool::{self, GoTool};
use crate::program;

const COMMAND: &str = "cargo xtask bed istio";
/// What Istio's custom resources are defined in.
const API: &str = "istio.io/api";
const CUSTOM_RESOURCES: ModuleFile = ModuleFile {
    what: "Istio's custom resources",
    module: API,
    path: "kubernetes/customresourcedefinitions.gen.yaml",
    folder: "custom-resource-definitions",
    name: "definitions.yaml",
};
const BOOTSTRAP_TEMPLATE: ModuleFile = ModuleFile {
    what: "the template of Istio's bootstrap",
    module: "istio.io/istio",
    path: "tools/packaging/common/envoy_bootstrap.json",
    folder: "bootstrap-template",
    name: "envoy_bootstrap.json",
};

/// A program of Istio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// Configures the proxies.
    Istiod,
    /// Beside each proxy: starts it, and fetches its configuration, certificates and modules.
    Agent,
    /// The operator's command.
    Istioctl,
}

impl Component {
    /// All of them, in the order in which they share what they compile best.
    pub const ALL: [Self; 3] = [Self::Istiod, Self::Agent, Self::Istioctl];

    /// The path of the prepared binary.
    ///
    /// # Errors
    /// Names the command that prepares it when it is missing.
    pub fn find(self) -> Result<PathBuf> {
        self.tool().find()
    }

    const fn tool(self) -> GoTool {
        let (name, package, duration) = match self {
            Self::Istiod => ("istiod", "istio.io/istio/pilot/cmd/pilot-discovery", "about 3 minutes"),
            Self::Agent => ("pilot-agent", "istio.io/istio/pilot/cmd/pilot-agent", "about a minute"),
            Self::Istioctl => ("istioctl", "istio.io/istio/istioctl/cmd/istioctl", "about a minute"),
        };
        GoTool { name, package, command: COMMAND, duration }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.tool().name)
    }
}

/// The version of Istio that is built.
///
/// # Errors
/// When the list of modules cannot be read.
pub fn version() -> Result<String> {
    go_tool::version(API)
}

/// The definitions of Istio's custom resources, as YAML.
///
/// # Errors
/// Names the command that prepares them when they are missing.
pub fn custom_resource_definitions() -> Result<PathBuf> {
    CUSTOM_RESOURCES.find()
}

/// What the agent makes the bootstrap of its Envoy from.
///
/// # Errors
/// Names the command that prepares it when it is missing.
pub fn bootstrap_template() -> Result<PathBuf> {
    BOOTSTRAP_TEMPLATE.find()
}

/// Builds what is missing, and returns the places.
///
/// # Errors
/// When Go is missing or a module cannot be had.
pub fn prepare() -> Result<Vec<PathBuf>> {
    // Without it the programs say `unknown`, and Istio's version is part of what they decide.
    let linker = format!("-X istio.io/istio/pkg/version.buildVersion={}", version()?);
    let mut places = Component::ALL.into_iter().map(|it| it.tool().prepare(&linker)).collect::<Result<Vec<_>>>()?;
    for file in [CUSTOM_RESOURCES, BOOTSTRAP_TEMPLATE] {
        places.push(file.prepare()?);
    }
    Ok(places)
}

/// A file of a module, copied as it is.
#[derive(Clone, Copy, Debug)]
struct ModuleFile {
    what: &'static str,
    module: &'static str,
    path: &'static str,
    folder: &'static str,
    name: &'static str,
}

impl ModuleFile {
    fn find(self) -> Result<PathBuf> {
        let file = self.folder()?.join(self.name);
        ensure!(file.is_file(), "{} is not at {}: run `{COMMAND}`", self.what, file.display());
        Ok(file)
    }

    fn prepare(self) -> Result<PathBuf> {
        cache::fill_once(&self.folder()?, |folder| self.copy(folder))?;
        self.find()
    }

    fn folder(self) -> Result<PathBuf> {
        Ok(go_tool::folder()?.join(self.folder))
    }

    fn copy(self, folder: &Path) -> Result<()> {
        let mut command = Command::new("go");
        command.current_dir(go_tool::sources()).args(["list", "-m", "-f", "{{.Dir}}", self.module]);
        let source = PathBuf::from(program::output(&mut command)?.trim()).join(self.path);
        let content = fs::read(&source).with_context(|| format!("cannot read {}", source.display()))?;
        fs::write(folder.join(self.name), content).with_context(|| format!("cannot write {}", self.what))
    }
}
