//! The shell of an operator, in a clone of this repository.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_bed::{helm, istio, kubernetes};
use evenkeel_tests::artifact;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// How a command has ended.
#[derive(Debug)]
pub struct Output {
    pub succeeded: bool,
    /// What it has printed, errors last.
    pub text: String,
}

/// It sees no configuration of this machine's user.
pub struct Shell {
    folder: TempDir,
    kubeconfig: PathBuf,
    /// What the page leaves open, and what this operator says.
    names: Vec<(&'static str, String)>,
}

impl Shell {
    /// With what the page says that one needs.
    pub fn open(kubeconfig: PathBuf) -> Result<Self> {
        let names = vec![("REGISTRY", "registry.example".to_owned())];
        let shell = Self { folder: tempfile::tempdir()?, kubeconfig, names };
        fs::create_dir(shell.path("bin"))?;
        fs::create_dir(shell.path("clone"))?;
        let programs = [
            ("evenkeel", artifact::control_plane()?),
            ("kubectl", kubernetes::Component::Kubectl.find()?),
            ("istioctl", istio::Component::Istioctl.find()?),
            ("helm", helm::find()?),
        ];
        for (name, program) in programs {
            symlink(program, shell.path("bin").join(name))?;
        }
        copy(&artifact::workspace_folder().join("istio"), &shell.clone_of("istio"))?;
        symlink(artifact::target_folder().canonicalize()?, shell.clone_of("target"))?;
        Ok(shell)
    }

    /// What a word of the page in capitals stands for.
    pub fn name(&mut self, word: &'static str, meaning: String) {
        self.names.push((word, meaning));
    }

    /// A file of the clone, which is this test's own.
    pub fn clone_of(&self, file: &str) -> PathBuf {
        self.path("clone").join(file)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs one line to its end.
    pub async fn run(&self, line: &str) -> Result<Output> {
        let line = self.names.iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(self.path("clone")).env("HOME", self.folder.path());
        command.env("PATH", format!("{}:{path}", self.path("bin").display())).env("KUBECONFIG", &self.kubeconfig);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.context("it does not end")??;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Ok(Output { succeeded: output.status.success(), text })
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let (from, to) = (entry?.path(), |from: &Path| Some(to.join(from.file_name()?)));
        let to = to(&from).context("a file without a name")?;
        if from.is_dir() { copy(&from, &to)? } else { fs::copy(&from, &to).map(drop)? }
    }
    Ok(())
}
