//! What policies render to.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use evenkeel::policy::manifests::Manifests;
use evenkeel::policy::render::{self, ControlPlane, IstioVersion, Module, Proxies, Release, render};
use evenkeel_bed::{artifact, digest};

use super::place::Place;

/// Where proxies find the control plane.
pub const CONTROL_PLANE_PORT: u16 = 18000;
/// For this they ask their name server.
const HOST: &str = "evenkeel-xds.evenkeel-system.svc.cluster.local";

/// The objects of a policy with these sections for the pods of this place, each as JSON.
pub fn rendered(place: Place, sections: &str, release: &Release) -> Result<Vec<String>> {
    let manifests = manifests(place, sections)?;
    let policy = manifests.policies.first().context("no policy")?;
    let objects = render(policy, manifests.service(policy)?, &BTreeSet::new(), release)?;
    Ok(objects.iter().map(serde_json::to_string).collect::<Result<_, _>>()?)
}

/// The `WasmPlugin` of such a policy, as JSON.
pub fn wasm_plugin(place: Place, sections: &str, module: &Path) -> Result<String> {
    let manifests = manifests(place, sections)?;
    let policy = manifests.policies.first().context("no policy")?;
    let proxies = if place == Place::Gateway { Proxies::Gateways } else { Proxies::Sidecars };
    let object = render::wasm_plugin(policy, manifests.service(policy)?, proxies, &file(module)?)?;
    Ok(serde_json::to_string(&object)?)
}

fn manifests(place: Place, sections: &str) -> Result<Manifests> {
    let (namespace, service, (key, value)) = place.service();
    let text = format!(
        "{{apiVersion: evenkeel.dev/v1alpha1, kind: ConnectionPolicy, metadata: {{name: policy, namespace: {namespace}}},
           spec: {{targetRefs: [{{kind: Service, name: {service}}}], {sections}}}}}\n---
         {{apiVersion: v1, kind: Service, metadata: {{name: {service}, namespace: {namespace}}},
           spec: {{selector: {{{key}: {value}}}}}}}"
    );
    Ok(Manifests::parse(&text)?)
}

fn file(module: &Path) -> Result<Module> {
    // The digest of a file is not looked at.
    let digest = digest::sha256(&std::fs::read(artifact::wasm()?)?);
    Ok(Module::new(&format!("file://{}", module.display()), &digest)?)
}

/// With a module that is a file: without Istio's agent nothing fetches it.
pub fn release(istio: IstioVersion, module: &Path) -> Result<Release> {
    let module = file(module)?;
    let control_plane = ControlPlane {
        rebalance_host: HOST.to_owned(),
        xds_host: HOST.to_owned(),
        port: CONTROL_PLANE_PORT,
        identity: None,
    };
    Ok(Release { istio, module, control_plane })
}

/// The same, with a control plane that proxies report to over mutual TLS.
pub fn secured(istio: IstioVersion, module: &Path) -> Result<Release> {
    let mut release = release(istio, module)?;
    release.control_plane.identity = Some("spiffe://cluster.local/ns/evenkeel-system/sa/evenkeel".parse()?);
    Ok(release)
}
