//! The page, from its top to its end.

use std::fs;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::client::steady::RunningClients;
use evenkeel_tests::network;
use serde_json::json;

use super::bed::{Bed, CLIENTS, nothing_fails};
use super::page::Page;

/// These take minutes, need a registry or change the machine; the suite `image` shows what they make.
const BUILD: [&str; 3] = [
    "cargo xtask image REGISTRY/evenkeel:0.1.0",
    "buildah push REGISTRY/evenkeel:0.1.0",
    "sudo install target/x86_64-unknown-linux-musl/release/evenkeel /usr/local/bin",
];
const SKEW: &str = "evenkeel check --skew istio-ingressgateway.istio-system";
const POLICIES: &str = "kubectl get connectionpolicies --all-namespaces";
const LISTENER: &str = "istioctl proxy-config listener POD.istio-system --output json";
const ECDS: &str = "istioctl proxy-config ecds POD.istio-system --output json";
const FILTERS: &str = "kubectl get envoyfilters --all-namespaces";
const ROLLED_OUT: &str = "kubectl rollout status deployment/evenkeel --namespace evenkeel-system";

#[test]
fn every_command_of_the_page_does_what_the_page_promises() -> Result<()> {
    network::isolated(|| async {
        let (bed, mut nodes) = Bed::start().await?;
        let ended = tokio::select! {
            ended = walk(&bed) => ended,
            failed = nodes.run(&bed.kubernetes) => failed.context("the nodes"),
        };
        ended.inspect_err(|_| eprintln!("{}", nodes.logs()))?;
        ensure!(bed.istiod.refusals().is_empty(), "{:?}", bed.istiod.refusals());
        Ok(())
    })
}

async fn walk(bed: &Bed) -> Result<()> {
    let clients = bed.is_scaled_out_under_load().await?;
    let mut page = Page::open(bed.shell()?)?;
    for command in BUILD {
        drop(page.next(command)?);
    }
    page.next(SKEW)?.says(&["Uneven beyond chance", "downstream_cx_active (exact"]).await?;
    install(&mut page, bed).await?;
    observe(&mut page, &clients).await?;
    look_into_a_proxy(&mut page, bed).await?;
    enforce(&mut page, &clients).await?;
    cap(&mut page, &clients).await?;
    stop(&mut page, &clients).await?;
    render(&mut page).await?;
    upgrade(&mut page, &clients).await?;
    remove(&mut page, bed).await?;
    nothing_fails(&clients)?;
    page.end()
}

async fn install(page: &mut Page, bed: &Bed) -> Result<()> {
    let install = "helm install evenkeel istio/chart --namespace evenkeel-system --create-namespace \
                   --set image.repository=REGISTRY/evenkeel --set mesh.istioVersion=1.31";
    page.next(install)?.says(&["STATUS: deployed"]).await?;
    page.next(ROLLED_OUT)?.says(&["successfully rolled out"]).await?;
    // Istio's agent tries again to fetch the filter; these Envoys do it themselves, and only once.
    for pod in bed.gateways().await? {
        let filter = format!("istioctl proxy-config endpoint {pod}.istio-system --cluster _");
        page.look(&filter).comes_to_say(&["10.244.", "HEALTHY"]).await?;
    }
    Ok(())
}

async fn observe(page: &mut Page, clients: &RunningClients) -> Result<()> {
    page.next("kubectl apply -f istio/examples/observe.yaml")?.says(&["ingress created"]).await?;
    let programmed = "kubectl wait connectionpolicy/ingress --namespace istio-system --for=condition=Programmed \
                      --timeout=60s";
    page.next(programmed)?.says(&["condition met"]).await?;
    let seen = page.next(POLICIES)?.comes_to_say(&["istio-ingressgateway", "Settling"]).await?;
    ensure!(seen.text.contains("SERVICE") && seen.text.contains("IMBALANCE"), "{}", seen.text);
    let describe = "kubectl describe connectionpolicy ingress --namespace istio-system";
    page.next(describe)?.comes_to_say(&["Accepted", "Programmed", "Balanced"]).await?;
    let status = "evenkeel status --namespace evenkeel-system";
    page.next(status)?.comes_to_say(&["istio-system/istio-ingressgateway", "Settling"]).await?;
    let status = "evenkeel status --namespace evenkeel-system istio-system/istio-ingressgateway";
    page.next(status)?.comes_to_say(&["POD", "istio-ingressgateway-", "ago"]).await?;
    // A filter that is added drains the connections of its chain.
    let closes = clients.counts().snapshot().closes;
    ensure!(closes >= CLIENTS as u64, "{closes} of {CLIENTS} connections were drained");
    nothing_fails(clients)
}

async fn look_into_a_proxy(page: &mut Page, bed: &Bed) -> Result<()> {
    let pod = bed.gateways().await?.pop().context("no gateway")?;
    let pods = "kubectl get pods --namespace istio-system --selector istio=ingressgateway";
    page.next(pods)?.says(&[&pod]).await?;
    page.shell.name("POD", pod);
    page.next("evenkeel check POD.istio-system")?.says(&["errors: 0"]).await?;
    page.next(&format!("{LISTENER} | grep evenkeel"))?.says(&["evenkeel.connection", "evenkeel.drain"]).await?;
    page.next(&format!("{ECDS} | grep -E 'evenkeel|sha256'"))?
        .says(&["evenkeel.connection", "sha256", "istio-system/istio-ingressgateway"])
        .await?;
    let cluster = "istioctl proxy-config cluster POD.istio-system | grep evenkeel";
    page.next(cluster)?.says(&["evenkeel-rebalance", "STRICT_DNS"]).await?;
    let endpoint = "istioctl proxy-config endpoint POD.istio-system --cluster evenkeel-rebalance";
    page.next(endpoint)?.says(&["10.244.", "HEALTHY"]).await?;
    Ok(())
}

async fn enforce(page: &mut Page, clients: &RunningClients) -> Result<()> {
    patch(page, r#"{"spec": {"rebalance": {"mode": "enforce"}}}"#).await?;
    let before = clients.counts().snapshot().closes;
    let scale = "kubectl scale deployment/istio-ingressgateway --namespace istio-system --replicas=3";
    page.next(scale)?.says(&["scaled"]).await?;
    page.next(POLICIES)?.comes_to_say(&["Rebalancing"]).await?;
    page.next(SKEW)?.comes_to_say(&["No more uneven than"]).await?;
    page.look(POLICIES).comes_to_say(&["Balanced"]).await?;
    ensure!(clients.counts().snapshot().closes > before, "nobody was told to go");
    nothing_fails(clients)
}

async fn cap(page: &mut Page, clients: &RunningClients) -> Result<()> {
    patch(page, r#"{"spec": {"inbound": {"maxAge": "30m", "jitter": 0.2}}}"#).await?;
    page.next(&format!("{ECDS} | grep maxAge"))?.comes_to_say(&["30m"]).await?;
    nothing_fails(clients)
}

async fn stop(page: &mut Page, clients: &RunningClients) -> Result<()> {
    patch(page, r#"{"spec": {"rebalance": {"paused": true}}}"#).await?;
    page.look(POLICIES).comes_to_say(&["Paused"]).await?;
    let unpaused = r#"{"spec": {"rebalance": {"paused": false}}}"#;
    page.look(&patching(unpaused)).says(&["patched"]).await?;
    page.look(POLICIES).comes_to_say(&["Balanced"]).await?;
    pause_all(page, true).await?;
    page.look(POLICIES).comes_to_say(&["Paused"]).await?;
    patch(page, r#"{"spec": {"inbound": null}}"#).await?;
    page.look(ECDS).comes_to_say_nothing_of("maxAge").await?;
    let scale =
        |replicas| format!("kubectl scale deployment/evenkeel --namespace evenkeel-system --replicas={replicas}");
    page.next(&scale(0))?.says(&["scaled"]).await?;
    page.look("kubectl get pods --namespace evenkeel-system").comes_to_say(&["No resources found"]).await?;
    page.look(LISTENER).says(&["evenkeel.connection"]).await?;
    page.next(&scale(2))?.says(&["scaled"]).await?;
    pause_all(page, false).await?;
    patch(page, unpaused).await?;
    page.look(ROLLED_OUT).says(&["successfully rolled out"]).await?;
    page.look("evenkeel status --namespace evenkeel-system").comes_to_say(&["istio-ingressgateway"]).await?;
    nothing_fails(clients)
}

async fn render(page: &mut Page) -> Result<()> {
    let service = "kubectl get service istio-ingressgateway --namespace istio-system --output yaml > service.yaml";
    page.next(service)?.says(&[]).await?;
    let render = "evenkeel render -f istio/examples/gateway.yaml -f service.yaml --istio-version 1.31 --module-url \
                  https://example.com/evenkeel.wasm --module-sha256 \"$(sha256sum target/evenkeel.wasm | cut -d ' ' -f 1)\" \
                  > rendered.yaml";
    page.next(render)?.says(&[]).await?;
    page.next("evenkeel check --offline rendered.yaml")?.says(&["errors: 0, warnings: 0"]).await?;
    let said = page.next("istioctl validate -f rendered.yaml")?.says(&["exposes internal implementation"]).await?;
    ensure!(said.text.matches("\t* ").count() == 1, "{}", said.text);
    let render = "evenkeel render -f istio/examples/caps.yaml -f service.yaml --as wasmplugin --proxies gateways --module-url \
                  https://example.com/evenkeel-caps.wasm --module-sha256 \"$(sha256sum target/evenkeel-caps.wasm | cut -d ' ' -f \
                  1)\" > wasmplugin.yaml";
    page.next(render)?.says(&[]).await?;
    page.next("istioctl validate -f wasmplugin.yaml")?.says(&["is valid"]).await?;
    Ok(())
}

async fn upgrade(page: &mut Page, clients: &RunningClients) -> Result<()> {
    let before = clients.counts().snapshot().closes;
    let chart = page.shell.clone_of("istio/chart/Chart.yaml");
    fs::write(&chart, fs::read_to_string(&chart)?.replace("appVersion: ", "appVersion: 9."))?;
    page.next("kubectl apply --server-side --force-conflicts -f istio/chart/crds")?
        .says(&["serverside-applied"])
        .await?;
    let upgrade = "helm upgrade evenkeel istio/chart --namespace evenkeel-system --reset-then-reuse-values";
    page.next(upgrade)?.says(&["has been upgraded"]).await?;
    page.next(ROLLED_OUT)?.says(&["successfully rolled out"]).await?;
    page.look("kubectl get pods --namespace evenkeel-system --output yaml").says(&["evenkeel:9."]).await?;
    page.look("evenkeel status --namespace evenkeel-system").comes_to_say(&["istio-ingressgateway"]).await?;
    ensure!(clients.counts().snapshot().closes == before, "an upgrade has drained connections");
    nothing_fails(clients)
}

async fn remove(page: &mut Page, bed: &Bed) -> Result<()> {
    page.next("kubectl delete connectionpolicies --all --all-namespaces")?.says(&["deleted"]).await?;
    page.next(FILTERS)?.comes_to_say_nothing_of("evenkeel").await?;
    page.look(LISTENER).comes_to_say_nothing_of("evenkeel").await?;
    page.next("helm uninstall evenkeel --namespace evenkeel-system")?.says(&["uninstalled"]).await?;
    leave_a_filter_behind(page, bed).await?;
    page.next("kubectl delete -f istio/chart/crds")?.says(&["deleted"]).await?;
    page.look(FILTERS).comes_to_say_nothing_of("evenkeel").await?;
    page.look("kubectl get all --namespace evenkeel-system").comes_to_say(&["No resources found"]).await?;
    Ok(())
}

/// The chart is told as the page says.
async fn pause_all(page: &mut Page, paused: bool) -> Result<()> {
    let upgrade = "helm upgrade evenkeel istio/chart --namespace evenkeel-system --reset-then-reuse-values";
    page.next(&format!("{upgrade} --set policies.paused={paused}"))?.says(&["has been upgraded"]).await?;
    page.look(ROLLED_OUT).says(&["successfully rolled out"]).await.map(drop)
}

/// The policy is patched as the page says.
async fn patch(page: &mut Page, patch: &str) -> Result<()> {
    page.next(&patching(patch))?.says(&["patched"]).await.map(drop)
}

fn patching(patch: &str) -> String {
    format!("kubectl patch connectionpolicy ingress --namespace istio-system --type merge --patch '{patch}'")
}

/// As when the program goes before the policies: an object that belongs to one of them, and nobody who would delete it.
async fn leave_a_filter_behind(page: &Page, bed: &Bed) -> Result<()> {
    page.look("kubectl apply -f istio/examples/observe.yaml").says(&["ingress created"]).await?;
    let uid = "kubectl get connectionpolicy ingress --namespace istio-system --output jsonpath={.metadata.uid}";
    let owner = json!({"apiVersion": "evenkeel.dev/v1alpha1", "kind": "ConnectionPolicy", "name": "ingress",
                       "uid": page.look(uid).says(&[]).await?.text, "controller": true});
    let metadata = json!({"name": "evenkeel-ingress", "namespace": "istio-system", "ownerReferences": [owner]});
    let filter = json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": metadata,
                        "spec": {"priority": 10}});
    bed.kubernetes.apply(&filter.to_string()).await?;
    page.look(FILTERS).says(&["evenkeel-ingress"]).await.map(drop)
}
