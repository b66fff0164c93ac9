//! The bed `kube`: etcd and Kubernetes' own programs, built by Go from their modules.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::go_tool::{self, GoTool};
use crate::kubelet;
use crate::program;

pub(crate) const COMMAND: &str = "cargo xtask bed kube";

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
    /// The operator's command.
    Kubectl,
}

impl Component {
    /// All of them, in the order in which they share what they compile best.
    pub const ALL: [Self; 5] = [Self::Etcd, Self::ApiServer, Self::ControllerManager, Self::Proxy, Self::Kubectl];

    /// The path of the prepared binary.
    ///
    /// # Errors
    /// Names the command that prepares it when it is missing.
    pub fn find(self) -> Result<PathBuf> {
        self.tool().find()
    }

    const fn tool(self) -> GoTool {
        let (name, package, duration) = match self {
            Self::Etcd => ("etcd", "go.etcd.io/etcd/server/v3", "about a minute"),
            Self::ApiServer => ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", "about 3 minutes"),
            Self::ControllerManager => {
                ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", "about a minute")
            }
            Self::Proxy => ("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy", "about a minute"),
            Self::Kubectl => ("kubectl", "k8s.io/kubernetes/cmd/kubectl", "less than a minute"),
        };
        GoTool { name, package, command: COMMAND, duration }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.tool().name)
    }
}

/// Builds what is missing, and returns the places. Installs Debian's tools for network namespaces and `NodePort`s.
///
/// # Errors
/// When Go is missing or a module cannot be had.
pub fn prepare() -> Result<Vec<PathBuf>> {
    install_network_tools()?;
    let linker = version_flags(&go_tool::version("k8s.io/kubernetes")?)?;
    let programs = Component::ALL.into_iter().map(|component| component.tool().prepare(&linker));
    programs.chain([kubelet::prepare()]).collect()
}

fn install_network_tools() -> Result<()> {
    let tools = [("ip", "-V", "iproute2"), ("nft", "--version", "nftables")];
    let missing = tools.into_iter().filter(|(tool, version, _)| !program::works(Command::new(tool).arg(version)));
    let packages: Vec<_> = missing.map(|(_, _, package)| package).collect();
    if packages.is_empty() { Ok(()) } else { program::install_packages(&packages) }
}

/// Kubernetes' own build sets its version by linker flags; without them the programs say v0.0.0.
fn version_flags(version: &str) -> Result<String> {
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
        let flags = version_flags("1.36.3").unwrap();
        let expected = [("gitVersion", "v1.36.3"), ("gitMajor", "1"), ("gitMinor", "36")]
            .map(|(name, value)| format!("-X k8s.io/component-base/version.{name}={value}"));
        assert_eq!(flags, expected.join(" "));
    }

    #[test]
    fn every_program_is_a_tool_of_the_module() {
        let go_mod = std::fs::read_to_string(go_tool::sources().join("go.mod")).unwrap();
        for component in Component::ALL {
            assert!(go_mod.lines().any(|line| line.trim() == component.tool().package), "{component}");
        }
    }
}
