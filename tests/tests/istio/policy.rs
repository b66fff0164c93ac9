//! Policies for the gateway of these tests, and what they render to.

use std::path::Path;

use anyhow::{Context, Result};
use evenkeel::policy::manifests::Manifests;
use evenkeel::policy::render::{ControlPlane, IstioVersion, Module, Release, render};
use evenkeel_bed::{artifact, digest};

/// Whose pods the gateways are.
pub const SERVICE: &str = "
{apiVersion: v1, kind: Service, metadata: {name: gateway, namespace: istio-system}, spec: {
  selector: {istio: gateway}, ports: [{name: http, port: 8080}]}}
";

/// The objects of a policy with these sections, each as JSON. The module is a file: without Istio's agent nothing fetches it.
pub fn rendered(sections: &str, istio: IstioVersion, module: &Path) -> Result<Vec<String>> {
    let policy = format!(
        "{{apiVersion: evenkeel.dev/v1alpha1, kind: ConnectionPolicy, metadata: {{name: gateway, namespace: \
         istio-system}}, spec: {{targetRefs: [{{kind: Service, name: gateway}}], {sections}}}}}"
    );
    let manifests = Manifests::parse(&format!("{policy}\n---{SERVICE}"))?;
    let policy = manifests.policies.first().context("no policy")?;
    let objects = render(policy, manifests.service(policy)?, &release(istio, module)?)?;
    Ok(objects.iter().map(serde_json::to_string).collect::<Result<_, _>>()?)
}

fn release(istio: IstioVersion, module: &Path) -> Result<Release> {
    let digest = digest::sha256(&std::fs::read(artifact::wasm()?)?);
    let module = Module::new(&format!("file://{}", module.display()), &digest)?;
    Ok(Release { istio, module, control_plane: ControlPlane { host: "127.0.0.1".to_owned(), port: 18000 } })
}
