//! The bed `istio`: istiod and istioctl, built by Go from their modules, and Istio's custom resources.

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

/// A program of Istio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// Configures the proxies.
    Istiod,
    /// The operator's command.
    Istioctl,
}

impl Component {
    /// All of them, in the order in which they share what they compile best.
    pub const ALL: [Self; 2] = [Self::Istiod, Self::Istioctl];

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
    let file = definitions_folder()?.join("definitions.yaml");
    ensure!(file.is_file(), "Istio's custom resources are not at {}: run `{COMMAND}`", file.display());
    Ok(file)
}

/// Builds what is missing, and returns the places.
///
/// # Errors
/// When Go is missing or a module cannot be had.
pub fn prepare() -> Result<Vec<PathBuf>> {
    // Without it the programs say `unknown`, and Istio's version is part of what they decide.
    let linker = format!("-X istio.io/istio/pkg/version.buildVersion={}", version()?);
    let mut places = Component::ALL.into_iter().map(|it| it.tool().prepare(&linker)).collect::<Result<Vec<_>>>()?;
    cache::fill_once(&definitions_folder()?, copy_definitions)?;
    places.push(custom_resource_definitions()?);
    Ok(places)
}

fn definitions_folder() -> Result<PathBuf> {
    Ok(go_tool::folder()?.join("custom-resource-definitions"))
}

fn copy_definitions(folder: &Path) -> Result<()> {
    let mut command = Command::new("go");
    command.current_dir(go_tool::sources()).args(["list", "-m", "-f", "{{.Dir}}", API]);
    let module = PathBuf::from(program::output(&mut command)?.trim());
    let source = module.join("kubernetes/customresourcedefinitions.gen.yaml");
    let content = fs::read(&source).with_context(|| format!("cannot read {}", source.display()))?;
    fs::write(folder.join("definitions.yaml"), content).context("cannot write the definitions")
}
