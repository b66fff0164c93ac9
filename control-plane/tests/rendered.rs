//! What the examples render to, for each supported Istio, is in `istio/rendered/`: a change of it shows in a review.

use std::path::{Path, PathBuf};
use std::process::Command;

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
const EXAMPLES: [&str; 5] = ["observe.yaml", "gateway.yaml", "sidecar.yaml", "outbound.yaml", "endpoints.yaml"];
/// In the place of the filter's: two toolchains do not make the same bytes.
const SHA256: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn istio() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../istio")
}

fn rendered(example: &str, version: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let services = folder.path().join("services.yaml");
    std::fs::write(&services, SERVICES)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.arg("render").arg("-f").arg(istio().join("examples").join(example)).arg("-f").arg(services);
    let url = format!("http://evenkeel-filter.evenkeel-system.svc.cluster.local:18002/filter/{SHA256}.wasm");
    command.args(["--istio-version", version, "--module-url", &url, "--module-sha256", SHA256]);
    let output = command.output()?;
    ensure!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
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
            let file = istio().join("rendered").join(version).join(example);
            let now = rendered(example, version).unwrap();
            if std::env::var_os("EVENKEEL_WRITE_RENDERED").is_some() {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(&file, &now).unwrap();
            }
            let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
            let remedy = "EVENKEEL_WRITE_RENDERED=1 cargo test --package evenkeel --test rendered";
            assert_eq!(now, reviewed, "{}: if it is as it should be, run `{remedy}`", file.display());
        }
    }
}
