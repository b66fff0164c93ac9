//! The chart is installed: an API server takes the objects, and the program runs with what they give it.

use std::fs;

use anyhow::{Context, Result};
use evenkeel_tests::kubernetes::{Kubernetes, Node};
use evenkeel_tests::network;
use serde_json::Value;

use super::cluster;
use super::helm::{NAMESPACE, find, objects};
use super::replica::Replica;

#[test]
fn an_api_server_takes_every_object() -> Result<()> {
    network::isolated(|| async {
        let kubernetes = cluster::start().await?;
        for values in ["ci/everything-values.yaml", "ci/tls-values.yaml"] {
            let objects = objects(&["--include-crds", "--values", values])?;
            cluster::apply(&kubernetes, &objects).await.context(values)?;
        }
        Ok(())
    })
}

/// A replica as a kubelet would start it: its pod, arguments, environment and account are the chart's, and so are the
/// Services that lead to it.
#[test]
fn a_replica_becomes_ready_and_leads() -> Result<()> {
    network::isolated(|| async {
        let kubernetes = cluster::start().await?;
        Node::new(1).apply(&kubernetes).await?;
        for security in ["mesh", "none"] {
            let objects = objects(&["--set", &format!("xds.security={security}")])?;
            cluster::apply(&kubernetes, &objects).await?;
            let replica = start(&kubernetes, &objects, &[]).await?;
            replica.serves().await.with_context(|| format!("xds.security={security}"))?;
            replica.end().await?;
        }
        Ok(())
    })
}

#[test]
fn a_replica_serves_with_the_certificate_of_its_secret() -> Result<()> {
    network::isolated(|| async {
        let kubernetes = cluster::start().await?;
        Node::new(1).apply(&kubernetes).await?;
        let objects = objects(&["--values", "ci/tls-values.yaml"])?;
        cluster::apply(&kubernetes, &objects).await?;
        let secret = certificates()?;
        let mounted = mount_path(&objects)?;
        let replica = start(&kubernetes, &objects, &[(&mounted, &secret.path().to_string_lossy())]).await?;
        replica.serves().await?;
        replica.end().await
    })
}

async fn start(kubernetes: &Kubernetes, objects: &[Value], mounts: &[(&str, &str)]) -> Result<Replica> {
    let deployment = find(objects, "Deployment", "evenkeel")?;
    let account = deployment["spec"]["template"]["spec"]["serviceAccountName"].as_str().context("no account")?;
    let kubeconfig = kubernetes.kubeconfig_for((NAMESPACE, account), &kubernetes.api_server).await?;
    Replica::start(kubernetes, &deployment["spec"]["template"], &kubeconfig, mounts).await
}

/// The files of a Secret as the chart asks for them.
fn certificates() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let own = rcgen::generate_simple_self_signed(["evenkeel-xds".to_owned()])?;
    let files = [("tls.crt", own.cert.pem()), ("ca.crt", own.cert.pem()), ("tls.key", own.signing_key.serialize_pem())];
    files.into_iter().try_for_each(|(name, content)| fs::write(folder.path().join(name), content))?;
    Ok(folder)
}

fn mount_path(objects: &[Value]) -> Result<String> {
    let container = &find(objects, "Deployment", "evenkeel")?["spec"]["template"]["spec"]["containers"][0];
    let path = container["volumeMounts"][0]["mountPath"].as_str();
    Ok(path.context("nothing is mounted")?.to_owned())
}
