//! The bed `kube`: etcd and Kubernetes' own programs, built by Go from their modules.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::artifact;
use crate::cache;
use crate::digest;
use crate::program::{self, Go};

const COMMAND: &str = "cargo xtask bed kube";

/// A program of a Kubernetes cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// Where the API server keeps everything.
    Etcd,
    /// The API.
    ApiServer,
    /// Among others, the controller that makes EndpointSlices.
    ControllerManager,
    /// The balancer behind a `NodePort`.
    Proxy,
}

impl Component {
    /// All of them, in the order in which they share what they compile best.
    pub const ALL: [Self; 4] = [Self::Etcd, Self::ApiServer, Self::ControllerManager, Self::Proxy];

    /// The program's name, such as `kube-apiserver`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Proxy => "kube-proxy",
        }
    }

    /// The path of the prepared binary.
    ///
    /// # Errors
    /// Names the command that prepares it when it is missing.
    pub fn find(self) -> Result<PathBuf> {
        let binary = self.folder()?.join(self.name());
        ensure!(binary.is_file(), "{self} is not at {}: run `{COMMAND}`", binary.display());
        Ok(binary)
    }

    /// Go's name of the program, as `tests/beds/go.mod` lists it.
    const fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::ApiServer => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::ControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::Proxy => "k8s.io/kubernetes/cmd/kube-proxy",
        }
    }

    /// How long the build takes on two processors, after the ones before it.
    const fn duration(self) -> &'static str {
        match self {
            Self::ApiServer => "about 3 minutes",
            _ => "about a minute",
        }
    }

    /// One folder each: what is built stays when the next one is interrupted.
    fn folder(self) -> Result<PathBuf> {
        Ok(modules_folder()?.join(self.name()))
    }

    fn build(self, folder: &Path) -> Result<()> {
        let number = 1 + self as usize;
        eprintln!("building {self} ({number} of {}), {}", Self::ALL.len(), self.duration());
        let linker = version_flags(&fs::read_to_string(sources().join("go.mod"))?)?;
        Go::find()?.build(&sources(), self.package(), &linker, &folder.join(self.name()))
    }
}

impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Builds what is missing, and returns the places. Installs Debian's tools for network namespaces and `NodePort`s.
///
/// # Errors
/// When Go is missing or a module cannot be had.
pub fn prepare() -> Result<Vec<PathBuf>> {
    install_network_tools()?;
    Component::ALL.into_iter().map(prepare_component).collect()
}

fn prepare_component(component: Component) -> Result<PathBuf> {
    cache::fill_once(&component.folder()?, |folder| component.build(folder))?;
    component.find()
}

fn install_network_tools() -> Result<()> {
    let tools = [("ip", "-V", "iproute2"), ("nft", "--version", "nftables")];
    let missing = tools.into_iter().filter(|(tool, version, _)| !program::works(Command::new(tool).arg(version)));
    let packages: Vec<_> = missing.map(|(_, _, package)| package).collect();
    if packages.is_empty() { Ok(()) } else { program::install_packages(&packages) }
}

fn sources() -> PathBuf {
    artifact::workspace_folder().join("tests/beds")
}

/// Named by the hash of the modules' versions.
fn modules_folder() -> Result<PathBuf> {
    let read = |name| fs::read(sources().join(name)).with_context(|| format!("cannot read tests/beds/{name}"));
    let key = digest::sha256(&[read("go.mod")?, read("go.sum")?].concat());
    Ok(cache::folder()?.join(format!("kube-{}", &key[..16])))
}

/// Kubernetes' own build sets its version by linker flags; without them the programs say v0.0.0.
fn version_flags(go_mod: &str) -> Result<String> {
    let version = go_mod.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"));
    let version = version.context("tests/beds/go.mod does not say which version of k8s.io/kubernetes")?;
    let (major, rest) = version.split_once('.').context("the version of k8s.io/kubernetes has no minor")?;
    let minor = rest.split('.').next().unwrap_or(rest);
    let flags = [("gitVersion", format!("v{version}").as_str()), ("gitMajor", major), ("gitMinor", minor)]
        .map(|(name, value)| format!("-X k8s.io/component-base/version.{name}={value}"));
    Ok(flags.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_say_the_version_of_their_module() {
        let flags = version_flags("require (\n\tk8s.io/kubernetes v1.36.3\n)\n").unwrap();
        let expected = [("gitVersion", "v1.36.3"), ("gitMajor", "1"), ("gitMinor", "36")]
            .map(|(name, value)| format!("-X k8s.io/component-base/version.{name}={value}"));
        assert_eq!(flags, expected.join(" "));
        assert!(version_flags("module beds\n").is_err());
    }

    #[test]
    fn every_program_is_a_tool_of_the_module() {
        let go_mod = fs::read_to_string(sources().join("go.mod")).unwrap();
        for component in Component::ALL {
            assert!(go_mod.lines().any(|line| line.trim() == component.package()), "{component}");
        }
    }
}
