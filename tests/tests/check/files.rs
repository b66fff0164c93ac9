//! Answers that were saved, and manifests.

use std::fs;

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::example::{ENVOY, Example};
use tempfile::TempDir;

use super::program::{check, check_text};

#[tokio::test]
async fn saved_answers_are_checked_and_the_threshold_decides() -> Result<()> {
    let backend = Backend::start()?;
    let example = Example::copy(&backend)?;
    example.edit(ENVOY, "idle_timeout: 1200s", "idle_timeout: 3600s")?;
    let envoy = example.start(EnvoyVersion::NEWEST).await?;
    let folder = TempDir::new()?;
    let save = async |path: &str, file: &str| {
        let file = folder.path().join(file).to_string_lossy().into_owned();
        fs::write(&file, envoy.admin(path).await?)?;
        anyhow::Ok(file)
    };
    let config_dump = save("/config_dump?include_eds", "config_dump.json").await?;
    let clusters = save("/clusters?format=json", "clusters.json").await?;
    let stats = save("/stats?format=json", "stats.json").await?;
    let files = ["--config-dump", &config_dump, "--clusters", &clusters, "--stats", &stats];
    for (threshold, code) in [("error", 0), ("warning", 1), ("info", 1)] {
        let answer = check(&[&files[..], &["--failure-threshold", threshold, "-o", "json"]].concat()).await?;
        assert_eq!((answer.code, answer.codes()?), (code, vec!["EK0503".to_owned()]), "{threshold}: {answer:?}");
    }
    let piped = check_text(&["--config-dump", "-"], &fs::read_to_string(&config_dump)?).await?;
    assert!(piped.code == 0 && piped.stdout.contains("WARNING EK0503"), "{piped:?}");
    let swapped = check(&["--config-dump", &clusters]).await?;
    assert!(swapped.code == 1 && swapped.stderr.contains("GET /config_dump?include_eds"), "{swapped:?}");
    Ok(())
}

const FILTER: &str = "
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: gateway, namespace: istio-system}
spec:
  configPatches:
  - applyTo: EXTENSION_CONFIG
    match: {context: ANY}
    patch:
      operation: ADD
      value:
        name: evenkeel.connection
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm
          config:
            name: evenkeel.connection
            root_id: evenkeel.connection
            failure_policy: FAIL_OPEN
            configuration: {\"@type\": type.googleapis.com/google.protobuf.StringValue, value: '{}'}
";

#[tokio::test]
async fn manifests_come_from_standard_input_or_files() -> Result<()> {
    let answer = check_text(&["--offline", "-o", "json", "--failure-threshold", "warning"], FILTER).await?;
    assert_eq!((answer.code, answer.codes()?), (1, vec!["EK1001".to_owned(), "EK1002".to_owned()]), "{answer:?}");
    let folder = TempDir::new()?;
    let file = folder.path().join("filter.yaml");
    fs::write(&file, FILTER.replace("'{}'", r#"'{"inbound": {"maxAge": "soon"}}'"#))?;
    let answer = check(&["--offline", &file.to_string_lossy()]).await?;
    assert!(answer.code == 1 && answer.stdout.contains("ERROR EK0301"), "{answer:?}");
    let nothing = check_text(&["--offline"], "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n").await?;
    assert!(nothing.code == 0 && nothing.stderr.contains("no EnvoyFilter of Evenkeel"), "{nothing:?}");
    Ok(())
}

#[tokio::test]
async fn a_command_line_that_names_nothing_says_what_to_name() -> Result<()> {
    let nothing = check(&[]).await?;
    assert!(nothing.code == 1 && nothing.stderr.contains("name a pod, or give --admin"), "{nothing:?}");
    let unreachable = check(&["--admin", "127.0.0.1:1"]).await?;
    assert!(
        unreachable.code == 1 && unreachable.stderr.contains("is it the admin port of a running Envoy"),
        "{unreachable:?}"
    );
    Ok(())
}
