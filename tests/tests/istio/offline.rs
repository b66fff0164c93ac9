//! What istioctl says of rendered objects, without a cluster.

use std::path::Path;
use std::process::Output;

use anyhow::{Result, ensure};
use evenkeel::policy::render::IstioVersion;
use evenkeel_tests::istio::istioctl;

use super::place::Place;
use super::policy::{release, rendered, secured, wasm_plugin};

/// One for each form that a chain can have.
const SECTIONS: [&str; 4] = [
    "inbound: {maxAge: 30m, jitter: 0.2}",
    "inbound: {maxRequests: 1000, streamGrace: 5m}, rebalance: {mode: observe}",
    "rebalance: {signal: requests, maxRate: 0.1, warmup: 30s}",
    "outbound: {destinations: [{host: cart.shop.svc.cluster.local, maxAge: 90s, maxRequests: 1000}]}",
];

/// What a destination refers to.
const CART: &str = r#"
---
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart", "namespace": "shop"},
 "spec": {"ports": [{"name": "http", "port": 80}]}}
"#;

/// It warns of every EnvoyFilter, whatever is in it.
const OF_ANY: &str = "EnvoyFilter exposes internal implementation details that may change at any time";

#[test]
fn istioctl_has_nothing_to_say_against_them() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for istio in [IstioVersion::V1_29, IstioVersion::V1_30, IstioVersion::V1_31] {
        for sections in SECTIONS {
            let file = folder.path().join("objects.yaml");
            let module = Path::new("/filter.wasm");
            for release in [release(istio, module)?, secured(istio, module)?] {
                std::fs::write(&file, rendered(Place::Gateway, sections, &release)?.join("\n---\n") + CART)?;
                let file = file.display().to_string();
                silent(&istioctl(&["validate", "-f", &file])?)?;
                silent(&istioctl(&["analyze", "--use-kube=false", "-A", &file])?)?;
            }
        }
    }
    Ok(())
}

#[test]
fn istioctl_has_nothing_to_say_against_wasm_plugins() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("objects.yaml");
    for place in [Place::Gateway, Place::Sidecar] {
        let sections = "inbound: {maxAge: 30m, maxRequests: 1000, jitter: 0.2}";
        let object = wasm_plugin(place, sections, Path::new("/filter.wasm"))?;
        std::fs::write(&file, format!("{object}\n---\n{}", CART.trim_start_matches("\n---\n")))?;
        let file = file.display().to_string();
        silent(&istioctl(&["validate", "-f", &file])?)?;
        silent(&istioctl(&["analyze", "--use-kube=false", "-A", &file])?)?;
    }
    std::fs::write(
        &file,
        wasm_plugin(Place::Gateway, "inbound: {maxAge: 1h}", Path::new("/x"))?.replace("file://", "ftp://"),
    )?;
    let output = istioctl(&["validate", "-f", &file.display().to_string()])?;
    ensure!(silent(&output).is_err(), "it would not say so: {output:?}");
    Ok(())
}

/// And it does say something against what is wrong.
#[test]
fn istioctl_would_say_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("objects.yaml");
    let release = release(IstioVersion::V1_31, Path::new("/filter.wasm"))?;
    let objects = rendered(Place::Sidecar, SECTIONS[0], &release)?.join("\n---\n");
    std::fs::write(&file, objects.replace("network.wasm.v3.Wasm", "network.wasm.v3.Wasn"))?;
    let output = istioctl(&["validate", "-f", &file.display().to_string()])?;
    ensure!(silent(&output).is_err(), "{output:?}");
    Ok(())
}

fn silent(output: &Output) -> Result<()> {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    let is_complaint =
        |line: &&str| !line.contains(OF_ANY) && ["Error", "Warning"].iter().any(|word| line.contains(word));
    let complaints: Vec<_> = text.lines().filter(is_complaint).collect();
    ensure!(output.status.success() && complaints.is_empty(), "{}: {text}", output.status);
    Ok(())
}
