//! What the chart can be told is documented, and nothing else is taken.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::helm::{chart, helm, text};

/// Sets of values besides the defaults.
const SETS: [&[&str]; 3] = [&[], &["--values", "ci/everything-values.yaml"], &["--values", "ci/tls-values.yaml"]];

#[test]
fn lint_finds_nothing() -> Result<()> {
    for values in SETS {
        text(&[&["lint", "--strict", "."], values].concat())?;
    }
    Ok(())
}

#[test]
fn a_wrong_value_is_refused_by_its_name() -> Result<()> {
    let wrong = [
        ("replica=3", "'replica'"),
        ("replicas=0", "'/replicas'"),
        ("replicas=many", "'/replicas'"),
        ("image.digest=latest", "'/image/digest'"),
        ("image.registry=example.org", "'registry'"),
        ("xds.security=mtls", "'/xds/security'"),
        ("xds.security=tls", "'/xds/tlsSecret'"),
        ("xds.endpointReaders={shop}", "xds.endpointReaders: nobody can prove"),
        ("xds.endpointReaders={Shop}", "'/xds/endpointReaders/0'"),
        ("xds.bindAddress=localhost", "'/xds/bindAddress'"),
        ("source.namespaces=shop", "'/source/namespaces'"),
        ("source.namespaces={Shop}", "'/source/namespaces/0'"),
        ("log.format=xml", "'/log/format'"),
        ("extraArguments={max-streams}", "'/extraArguments/0'"),
        ("resources.request.cpu=1", "'request'"),
        ("podDisruptionBudget.maxUnavailable=120%", "'/podDisruptionBudget/maxUnavailable'"),
        ("networkPolicy.adminFrom=prometheus", "'/networkPolicy/adminFrom'"),
        ("serviceMonitor.interval=often", "'/serviceMonitor/interval'"),
        ("topologySpread.whenUnsatisfiable=Never", "'/topologySpread/whenUnsatisfiable'"),
    ];
    for (value, name) in wrong {
        let output = helm(&["template", "evenkeel", ".", "--set", value])?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success() && said.contains(name), "{value}: {said}");
    }
    Ok(())
}

/// `global` is Helm's own, for charts around this one.
#[test]
fn every_value_has_a_default_and_a_description() -> Result<()> {
    let schema: Value = serde_json::from_str(&fs::read_to_string(chart().join("values.schema.json"))?)?;
    let defaults: Value = serde_saphyr::from_str(&fs::read_to_string(chart().join("values.yaml"))?)?;
    let mut undocumented = Vec::new();
    document("", &schema, Some(&defaults), &mut undocumented)?;
    assert_eq!(undocumented, [".global: no default"]);
    Ok(())
}

/// Collects what lacks a description or a default, from here down.
fn document(path: &str, schema: &Value, default: Option<&Value>, undocumented: &mut Vec<String>) -> Result<()> {
    if !path.is_empty() && schema["description"].as_str().is_none_or(str::is_empty) {
        undocumented.push(format!("{path}: no description"));
    }
    if default.is_none() {
        undocumented.push(format!("{path}: no default"));
    }
    let Some(properties) = schema.get("properties") else { return Ok(()) };
    ensure!(schema["additionalProperties"] == false, "{path} takes any name");
    // What a list or a map holds has no defaults.
    let Some(Value::Object(defaults)) = default else { return Ok(()) };
    for (name, schema) in properties.as_object().context("properties that are no object")? {
        document(&format!("{path}.{name}"), schema, defaults.get(name), undocumented)?;
    }
    Ok(())
}
