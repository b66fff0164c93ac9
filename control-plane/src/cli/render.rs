//! `evenkeel render`: what the control plane would apply, for those who apply it themselves.

use super::mesh::MeshArguments;
use crate::policy::ConnectionPolicy;
use crate::policy::manifests::Manifests;
use crate::policy::render::{IstioObject, Module, Proxies, Release, RenderError, render, wasm_plugin};
use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Print the Istio objects that carry out policies
///
/// The files hold connection policies and the Services that they name. Nothing is asked of a cluster, and the same input
/// gives the same bytes. Where you have a `DestinationRule` for a host of the section `outbound`, set its `idleTimeout` and
/// leave the printed rule out: proxies follow one of the two only.
///
/// Who may not write an `EnvoyFilter` prints a `WasmPlugin` instead (`--as wasmplugin`). It does the caps of the section `inbound`
/// and nothing else, and its filter is another one, `evenkeel-caps.wasm`.
#[derive(Args, Debug)]
pub struct RenderArguments {
    /// YAML file with policies and their Services; may be repeated
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What carries the policies out
    #[arg(long = "as", value_enum, value_name = "KIND", default_value_t = Kind::EnvoyFilter)]
    kind: Kind,
    /// What the pods of the Services have, for a `WasmPlugin`: Istio has it in other listeners for each
    #[arg(long, value_enum, required_if_eq("kind", "wasmplugin"))]
    proxies: Option<ProxyKind>,
    /// Where proxies fetch the filter: http://, https:// or file://
    #[arg(long, value_name = "URL")]
    module_url: String,
    /// The SHA-256 of the filter; proxies refuse anything else
    #[arg(long, value_name = "HEX")]
    module_sha256: String,
    #[command(flatten)]
    mesh: MeshArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// An `EnvoyFilter`, and what else is needed
    #[value(name = "envoyfilter")]
    EnvoyFilter,
    /// A `WasmPlugin`, for caps alone
    #[value(name = "wasmplugin")]
    WasmPlugin,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProxyKind {
    /// Connections that come to pods with a sidecar are capped
    Sidecars,
    /// Connections that come to gateways are capped
    Gateways,
}

/// Reads, renders, prints.
pub fn run(arguments: &RenderArguments) -> anyhow::Result<()> {
    let manifests = arguments.manifests()?;
    let has_proxies = arguments.proxies.is_some();
    ensure!(!has_proxies || arguments.kind == Kind::WasmPlugin, "--proxies is for --as wasmplugin: leave it out");
    ensure!(!manifests.policies.is_empty(), "no ConnectionPolicy of evenkeel.dev/v1alpha1 is in these files");
    let release = arguments.release()?;
    for policy in &manifests.policies {
        let objects = arguments.render(policy, manifests.service(policy)?, &release);
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
    fn render(
        &self,
        policy: &ConnectionPolicy,
        service: &Service,
        release: &Release,
    ) -> Result<Vec<IstioObject>, RenderError> {
        match (self.kind, self.proxies) {
            (Kind::WasmPlugin, Some(proxies)) => {
                Ok(vec![wasm_plugin(policy, service, proxies.into(), &release.module)?])
            }
            _ => render(policy, service, &BTreeSet::new(), release),
        }
    }

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

impl From<ProxyKind> for Proxies {
    fn from(kind: ProxyKind) -> Self {
        match kind {
            ProxyKind::Sidecars => Self::Sidecars,
            ProxyKind::Gateways => Self::Gateways,
        }
    }
}
