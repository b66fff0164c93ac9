//! `evenkeel check`: what keeps an Envoy from doing its part.

mod cluster;
mod output;
mod proxy;
mod skew;
mod source;

use crate::check::{Finding, Severity, check, manifests};
use crate::cli::admin::Admin;
use anyhow::{Context, bail, ensure};
use clap::{ArgGroup, Args, ValueEnum};
use cluster::ClusterArguments;
use source::{Files, read};
use std::path::PathBuf;

/// Find what keeps an Envoy, or manifests for Istio, from working with Evenkeel
///
/// The Envoy is that of a pod, one whose admin port can be reached, or one whose answers were saved to files. Codes are
/// explained in istio/CHECKS.md. The exit code is 1 when there are findings of the failure threshold or worse.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("source").args(["admin", "config_dump", "offline", "skew"]))]
pub struct CheckArguments {
    /// The pod to check; with --offline the files to check, - for standard input
    #[arg(value_name = "POD[.NAMESPACE] | FILE", conflicts_with_all = ["admin", "config_dump", "skew"])]
    targets: Vec<String>,
    /// Admin address of an Envoy that can be reached, such as 127.0.0.1:15000
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<String>,
    #[command(flatten)]
    files: Files,
    /// Check manifests, such as those that `helm template` and `evenkeel render` print, instead of an Envoy
    #[arg(long)]
    offline: bool,
    /// Show how uneven the connections of a Service's pods are; nothing of Evenkeel needs to be installed
    #[arg(long, value_name = "SERVICE[.NAMESPACE]")]
    skew: Option<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = Threshold::Error)]
    failure_threshold: Threshold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Sentences for people
    Text,
    /// One JSON document
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Threshold {
    Info,
    Warning,
    Error,
}

impl From<Threshold> for Severity {
    fn from(threshold: Threshold) -> Self {
        match threshold {
            Threshold::Info => Self::Info,
            Threshold::Warning => Self::Warning,
            Threshold::Error => Self::Error,
        }
    }
}

/// Checks and prints. It fails when there is something to correct.
#[tokio::main(flavor = "current_thread")]
pub async fn run(arguments: &CheckArguments) -> anyhow::Result<()> {
    if let Some(service) = &arguments.skew {
        return skew::show(&arguments.cluster, service, arguments.output).await;
    }
    let found = if arguments.offline { arguments.manifests()? } else { check(&arguments.envoy().await?) };
    output::findings(&found, arguments.output)?;
    arguments.verdict(&found)
}

impl CheckArguments {
    async fn envoy(&self) -> anyhow::Result<crate::check::Envoy> {
        if let Some(envoy) = self.files.envoy()? {
            return Ok(envoy);
        }
        let admin = match (&self.admin, self.targets.as_slice()) {
            (Some(address), _) => Admin::Address(address.clone()),
            (None, [pod]) => self.cluster.admin(pod).await?,
            (None, []) => bail!("nothing to check: name a pod, or give --admin, --config-dump or --offline"),
            (None, pods) => bail!("{} pods are named: name one", pods.len()),
        };
        proxy::envoy(&admin).await
    }

    fn manifests(&self) -> anyhow::Result<Vec<Finding>> {
        let standard_input = [PathBuf::from("-")];
        let files: Vec<PathBuf> = self.targets.iter().map(PathBuf::from).collect();
        let files = if files.is_empty() { &standard_input[..] } else { &files[..] };
        let (mut objects, mut all) = (0, vec![]);
        for file in files {
            let (matter, found) = manifests::check(&read(file)?).with_context(|| file.display().to_string())?;
            objects += matter;
            all.extend(found);
        }
        // Not an error: a chart may leave all objects to the operator.
        if objects == 0 {
            eprintln!("no EnvoyFilter of Evenkeel and no ConnectionPolicy is among the manifests");
        }
        Ok(all)
    }

    fn verdict(&self, found: &[Finding]) -> anyhow::Result<()> {
        let threshold = Severity::from(self.failure_threshold);
        let severe = found.iter().filter(|finding| finding.rule.severity >= threshold).count();
        ensure!(severe == 0, "findings of severity {threshold} or worse: {severe}");
        Ok(())
    }
}
