//! The examples are what they say.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::istio::istioctl;
use evenkeel_tests::network;
use serde_json::Value;

use super::cluster;
use super::helm::{NAMESPACE, chart, find, objects};

fn examples() -> Result<Vec<PathBuf>> {
    let folder = chart().join("../examples");
    let files = fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))?;
    let mut files: Vec<_> = files.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    Ok(files)
}

fn example(name: &str) -> Result<Value> {
    Ok(serde_saphyr::from_str(&fs::read_to_string(chart().join("../examples").join(name))?)?)
}

#[test]
fn an_api_server_takes_every_example() -> Result<()> {
    network::isolated(|| async {
        let kubernetes = cluster::start().await?;
        let examples = examples()?;
        ensure!(!examples.is_empty());
        for file in examples {
            let applied = kubernetes.apply(&fs::read_to_string(&file)?).await;
            applied.with_context(|| file.display().to_string())?;
        }
        Ok(())
    })
}

#[test]
fn the_first_policy_moves_nothing() -> Result<()> {
    let (observe, enforce) = (example("observe.yaml")?, example("gateway.yaml")?);
    assert_eq!(observe["spec"]["rebalance"]["mode"], "observe");
    assert_eq!(observe["spec"].get("inbound"), None);
    // The second one takes the place of the first.
    assert_eq!(observe["metadata"], enforce["metadata"]);
    assert_eq!(observe["spec"]["targetRefs"], enforce["spec"]["targetRefs"]);
    Ok(())
}

#[test]
fn the_authorization_policy_is_for_the_pods_and_the_port_of_the_chart() -> Result<()> {
    let policy = example("authorization-policy.yaml")?;
    let rendered = objects(&[])?;
    let deployment = find(&rendered, "Deployment", "evenkeel")?;
    assert_eq!(policy["metadata"]["namespace"], NAMESPACE);
    let labels = deployment["spec"]["template"]["metadata"]["labels"].as_object().context("no labels")?;
    let selected = policy["spec"]["selector"]["matchLabels"].as_object().context("no selector")?;
    ensure!(!selected.is_empty() && selected.iter().all(|(name, value)| labels.get(name) == Some(value)));
    let ports = deployment["spec"]["template"]["spec"]["containers"][0]["ports"].as_array().context("no ports")?;
    let xds = ports.iter().find(|port| port["name"] == "grpc-xds").context("no port grpc-xds")?;
    assert_eq!(policy["spec"]["rules"][0]["to"][0]["operation"]["ports"][0], xds["containerPort"].to_string());
    let validated =
        istioctl(&["validate", "-f", &chart().join("../examples/authorization-policy.yaml").to_string_lossy()])?;
    ensure!(validated.status.success(), "{}", String::from_utf8_lossy(&validated.stderr));
    Ok(())
}
