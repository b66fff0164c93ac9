//! What the chart renders, beside what an API server checks.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::artifact;
use serde_json::{Value, json};

use super::helm::{NAMESPACE, chart, find, objects, template, text};

const EVERYTHING: [&str; 3] = ["--include-crds", "--values", "ci/everything-values.yaml"];

fn kinds(objects: &[Value]) -> Result<Vec<String>> {
    let kind = |object: &Value| object["kind"].as_str().map(str::to_owned).context("an object without a kind");
    objects.iter().map(kind).collect()
}

#[test]
fn what_is_optional_is_rendered_only_when_it_is_asked_for() -> Result<()> {
    let (defaults, everything) = (kinds(&objects(&["--include-crds"])?)?, kinds(&objects(&EVERYTHING)?)?);
    let optional = ["ServiceMonitor", "PrometheusRule", "ConfigMap"];
    let mut rest = everything.clone();
    rest.retain(|kind| !optional.contains(&kind.as_str()));
    assert_eq!(rest, defaults);
    assert_eq!(everything.len(), defaults.len() + optional.len(), "{everything:?}");
    let without = kinds(&objects(&["--set", "networkPolicy.enabled=false"])?)?;
    ensure!(!without.contains(&"NetworkPolicy".to_owned()), "{without:?}");
    Ok(())
}

#[test]
fn every_object_is_in_the_release_s_namespace_or_in_none() -> Result<()> {
    let cluster_scoped = ["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"];
    for object in objects(&EVERYTHING)? {
        let is_cluster_scoped = cluster_scoped.contains(&object["kind"].as_str().unwrap_or_default());
        let expected = if is_cluster_scoped { Value::Null } else { json!(NAMESPACE) };
        assert_eq!(object["metadata"]["namespace"], expected, "{} {}", object["kind"], object["metadata"]["name"]);
    }
    Ok(())
}

/// The suite `kubernetes` proves that the program needs these rules, and no more.
#[test]
fn roles_have_the_rules_that_tests_run_under() -> Result<()> {
    let rendered = objects(&[])?;
    let cluster_role = format!("evenkeel-{NAMESPACE}");
    let roles =
        [("ClusterRole", cluster_role.as_str(), "clusterrole-rules.yaml"), ("Role", "evenkeel", "role-rules.yaml")];
    for (kind, name, file) in roles {
        let file: Value = serde_saphyr::from_str(&fs::read_to_string(chart().join("files").join(file))?)?;
        let granted = &find(&rendered, kind, name)?["rules"];
        ensure!(granted.as_array().is_some_and(|rules| !rules.is_empty()), "{kind} without rules");
        assert_eq!(*granted, file["rules"]);
    }
    Ok(())
}

#[test]
fn the_sidecar_carries_the_xds_port_and_only_where_it_secures_it() -> Result<()> {
    let template = |flags: &[&str]| -> Result<Value> {
        Ok(find(&objects(flags)?, "Deployment", "evenkeel")?["spec"]["template"].clone())
    };
    let inject = |template: &Value| template["metadata"]["labels"]["sidecar.istio.io/inject"].clone();
    let mesh = template(&["--set", "xds.security=mesh"])?;
    assert_eq!(inject(&mesh), "true");
    let outside = &mesh["metadata"]["annotations"]["traffic.sidecar.istio.io/excludeInboundPorts"];
    assert_eq!(*outside, "18001,18002");
    assert_eq!(inject(&template(&[])?), "false");
    assert_eq!(inject(&template(&["--values", "ci/tls-values.yaml"])?), "false");
    Ok(())
}

#[test]
fn proxies_are_told_the_account_of_the_pods_where_there_is_mutual_tls() -> Result<()> {
    let mesh = ["--set", "xds.security=mesh"];
    let tls = ["--values", "ci/tls-values.yaml"];
    let identity = "spiffe://cluster.local/ns/evenkeel-system/sa/evenkeel";
    let cases: [(&[&str], Option<&str>); 4] = [
        (&[], None),
        (&mesh, Some(identity)),
        (&tls, Some(identity)),
        (&EVERYTHING, Some("spiffe://example.org/ns/evenkeel-system/sa/connections")),
    ];
    for (flags, expected) in cases {
        let deployment = find(&objects(flags)?, "Deployment", "evenkeel")?.clone();
        let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().cloned();
        let arguments = arguments.context("no arguments")?;
        let told = arguments.iter().find_map(|flag| flag.as_str()?.strip_prefix("--control-plane-identity="));
        assert_eq!(told, expected, "{flags:?}");
    }
    Ok(())
}

/// The notes are what an operator reads first: they name what there is.
#[test]
fn the_notes_name_what_is_installed_and_a_policy_that_exists() -> Result<()> {
    let installation = ["install", "evenkeel", ".", "--dry-run=client", "--namespace", NAMESPACE];
    let output = text(&installation)?;
    let notes = output.split_once("NOTES:\n").context("no notes")?.1;
    let rendered = objects(&[])?;
    find(&rendered, "Deployment", named(notes, "deployment/")?)?;
    assert_eq!(named(notes, "evenkeel status --namespace ")?, NAMESPACE);
    let policy = notes.split_once("<<END\n").and_then(|(_, rest)| rest.split_once("END\n")).context("no policy")?.0;
    let policy: Value = serde_saphyr::from_str(policy)?;
    let example: Value = serde_saphyr::from_str(&fs::read_to_string(chart().join("../examples/observe.yaml"))?)?;
    assert_eq!(policy, example);
    Ok(())
}

/// The name behind a prefix such as `service/`.
fn named<'a>(text: &'a str, prefix: &str) -> Result<&'a str> {
    let (_, rest) = text.split_once(prefix).with_context(|| format!("no {prefix}"))?;
    Ok(rest.split_whitespace().next().unwrap_or_default())
}

/// As README has it; the program reads what Helm prints.
#[test]
fn check_has_nothing_to_say_against_what_helm_prints() -> Result<()> {
    let manifests = tempfile::NamedTempFile::new()?;
    fs::write(&manifests, template(&EVERYTHING)?)?;
    let mut check = Command::new(artifact::control_plane()?);
    check.args(["check", "--failure-threshold", "info", "--offline"]).arg(manifests.path());
    let output = check.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
