//! `evenkeel render`: what the control plane would apply, for those who apply it themselves.

use super::mesh::MeshArguments;
use crate::policy::manifests::Manifests;
use crate::policy::render::{IstioObject, Module, Release, render};
use anyhow::{Context, ensure};
use clap::Args;
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Print the Istio objects that carry out policies
///
/// The files hold connection policies and the Services that they name. Nothing is asked of a cluster, and the same input
/// gives the same bytes. Where you have a `DestinationRule` for a host of the section `outbound`, set its `idleTimeout` and
/// leave the printed rule out: proxies follow one of the two only.
#[derive(Args, Debug)]
pub struct RenderArguments {
    /// YAML file with policies and their Services; may be repeated
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where proxies fetch the filter: http://, https:// or file://
    #[arg(long, value_name = "URL")]
    module_url: String,
    /// The SHA-256 of the filter; proxies refuse anything else
    #[arg(long, value_name = "HEX")]
    module_sha256: String,
    #[command(flatten)]
    mesh: MeshArguments,
}

/// Reads, renders, prints.
pub fn run(arguments: &RenderArguments) -> anyhow::Result<()> {
    let manifests = arguments.manifests()?;
    ensure!(!manifests.policies.is_empty(), "no ConnectionPolicy of evenkeel.dev/v1alpha1 is in these files");
    let release = arguments.release()?;
    for policy in &manifests.policies {
        let objects = render(policy, manifests.service(policy)?, &BTreeSet::new(), &release);
        let objects = objects.with_context(|| format!("ConnectionPolicy {}", policy.name_any()))?;
        objects.iter().try_for_each(print)?;
    }
    Ok(())
}

fn print(object: &IstioObject) -> anyhow::Result<()> {
    print!("---\n{}", serde_saphyr::to_string(object)?);
    Ok(())
}

impl RenderArguments {
    fn manifests(&self) -> anyhow::Result<Manifests> {
        let mut all = Manifests::default();
        for file in &self.files {
            let name = file.display();
            let text = std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
            let manifests = Manifests::parse(&text).with_context(|| name.to_string())?;
            all.policies.extend(manifests.policies);
            all.services.extend(manifests.services);
        }
        Ok(all)
    }

    fn release(&self) -> anyhow::Result<Release> {
        let module = Module::new(&self.module_url, &self.module_sha256).context("--module-url, --module-sha256")?;
        Ok(self.mesh.release(module))
    }
}
