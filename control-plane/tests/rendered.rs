//! What the examples render to, for each supported Istio, is in `istio/rendered/`: a change of it shows in a review.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Result, ensure};

/// The Services of the examples, as their charts have them.
const SERVICES: &str = "
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec: {selector: {istio: ingressgateway}, ports: [{name: http2, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
";
const EXAMPLES: [&str; 6] =
    ["observe.yaml", "gateway.yaml", "sidecar.yaml", "caps.yaml", "outbound.yaml", "endpoints.yaml"];
/// In the place of the filter's: two toolchains do not make the same bytes.
const SHA256: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn istio() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../istio")
}

fn rendered(example: &str, version: &str) -> Result<String> {
    let url = format!("http://evenkeel-filter.evenkeel-system.svc.cluster.local:18002/filter/{SHA256}.wasm");
    let output = render(example, &["--istio-version", version, "--module-url", &url])?;
    ensure!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn as_wasm_plugin(example: &str, proxies: &str, version: &str) -> Result<Output> {
    let url = "https://modules.example.com/evenkeel-caps.wasm";
    let kind = ["--as", "wasmplugin", "--proxies", proxies];
    render(example, &[&["--istio-version", version, "--module-url", url], &kind[..]].concat())
}

fn render(example: &str, arguments: &[&str]) -> Result<Output> {
    let folder = tempfile::tempdir()?;
    let services = folder.path().join("services.yaml");
    std::fs::write(&services, SERVICES)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.arg("render").arg("-f").arg(istio().join("examples").join(example)).arg("-f").arg(services);
    Ok(command.args(arguments).args(["--module-sha256", SHA256]).output()?)
}

/// What we render is what we would let others apply.
#[test]
fn check_has_nothing_to_say_against_what_was_reviewed() {
    for example in EXAMPLES {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.args(["check", "--failure-threshold", "info", "--offline"]);
        let output = command.arg(istio().join("rendered/1.31").join(example)).output().unwrap();
        let words = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&words));
        assert!(!String::from_utf8_lossy(&words).contains("no EnvoyFilter"), "{example} was not read");
    }
}

#[test]
fn examples_render_to_what_was_reviewed() {
    for version in ["1.29", "1.30", "1.31"] {
        for example in EXAMPLES {
            is_reviewed(example, version, &rendered(example, version).unwrap()).unwrap();
        }
        let output = as_wasm_plugin("caps.yaml", "gateways", version).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        is_reviewed("caps.wasmplugin.yaml", version, &String::from_utf8(output.stdout).unwrap()).unwrap();
    }
}

fn is_reviewed(name: &str, version: &str, now: &str) -> Result<()> {
    let folder = istio().join("rendered").join(version);
    let file = folder.join(name);
    if std::env::var_os("EVENKEEL_WRITE_RENDERED").is_some() {
        std::fs::create_dir_all(folder)?;
        std::fs::write(&file, now)?;
    }
    let remedy = "EVENKEEL_WRITE_RENDERED=1 cargo test --package evenkeel --test rendered";
    let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
    ensure!(now == reviewed, "{}: if it is as it should be, run `{remedy}`; it is now\n{now}", file.display());
    Ok(())
}

#[test]
fn what_a_wasm_plugin_cannot_do_is_refused_by_field_value_and_remedy() {
    for (example, words) in [
        ("gateway.yaml", r#"spec.rebalance: {"maxRate":0.1,"mode":"enforce","warmup":"30s"} needs a cluster"#),
        ("sidecar.yaml", r#"spec.inbound.streamGrace: "5m" needs a filter"#),
        ("outbound.yaml", r#"spec.outbound: {"destinations":[{"#),
        ("endpoints.yaml", r#"spec.endpoints: {"destinations":[{"#),
    ] {
        let output = as_wasm_plugin(example, "sidecars", "1.31").unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{example}: {output:?}");
        assert!(said.contains(words) && said.contains("take it away; or render the policy with"), "{example}: {said}");
    }
}

#[test]
fn a_wasm_plugin_is_for_one_kind_of_proxies() {
    for (arguments, words) in [
        (&["--as", "wasmplugin"][..], "--proxies <PROXIES>"),
        (&["--proxies", "gateways"], "--proxies is for --as wasmplugin: leave it out"),
    ] {
        let output = render("caps.yaml", &[&["--module-url", "file:///x.wasm"], arguments].concat()).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(words), "{said}");
    }
}
