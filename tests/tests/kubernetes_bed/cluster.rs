//! The cluster does what kubelets, controllers and users of a real one would see.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::kubernetes::{Kubernetes, Node, Pods};
use evenkeel_tests::{network, wait};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

const PATIENCE: Duration = Duration::from_secs(20);
const ACCOUNT: (&str, &str) = ("shop", "reader");
const MANIFESTS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}]}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader, namespace: shop}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: reader}, rules: [
  {apiGroups: [''], resources: [services], verbs: [get, list]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: reader},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader},
 subjects: [{kind: ServiceAccount, name: reader, namespace: shop}]}
";

async fn start() -> Result<Kubernetes> {
    let kubernetes = Kubernetes::start().await?;
    kubernetes.apply(MANIFESTS).await?;
    Ok(kubernetes)
}

/// Address, ready, serving, terminating, zone.
type Endpoint = (String, bool, bool, bool, String);

async fn endpoints(kubernetes: &Kubernetes) -> Result<BTreeSet<Endpoint>> {
    let slices: Api<EndpointSlice> = Api::namespaced(kubernetes.client(), "shop");
    let of_cart = ListParams::default().labels("kubernetes.io/service-name=cart");
    let slices = slices.list(&of_cart).await?.items;
    let endpoints = slices.into_iter().flat_map(|slice| slice.endpoints);
    let described = endpoints.map(|endpoint| {
        let conditions = endpoint.conditions.unwrap_or_default();
        let [ready, serving, terminating] =
            [conditions.ready, conditions.serving, conditions.terminating].map(Option::unwrap_or_default);
        (endpoint.addresses.join(" "), ready, serving, terminating, endpoint.zone.unwrap_or_default())
    });
    Ok(described.collect())
}

async fn endpoints_become(kubernetes: &Kubernetes, expected: &[(&str, bool, bool, bool, &str)]) -> Result<()> {
    let owned = |one: &(&str, bool, bool, bool, &str)| (one.0.to_owned(), one.1, one.2, one.3, one.4.to_owned());
    let expected: BTreeSet<_> = expected.iter().map(owned).collect();
    let what = format!("the endpoints {expected:?}");
    wait::until(&what, PATIENCE, async || endpoints(kubernetes).await, |seen| *seen == expected).await.map(drop)
}

#[test]
fn slices_follow_the_pods() {
    network::isolated(|| async {
        let kubernetes = start().await?;
        let nodes = [Node::new(1), Node::new(2)];
        for node in &nodes {
            node.apply(&kubernetes).await?;
        }
        let mut pods = Pods::new(&kubernetes, "shop", "cart", &nodes)?;
        pods.scale(2).await?;
        let first = ("10.244.1.1", true, true, false, "zone-1");
        endpoints_become(&kubernetes, &[first, ("10.244.2.2", true, true, false, "zone-2")]).await?;
        pods.running()[1].set_ready(false).await?;
        endpoints_become(&kubernetes, &[first, ("10.244.2.2", false, false, false, "zone-2")]).await?;
        pods.running()[1].set_ready(true).await?;
        pods.scale(1).await?;
        endpoints_become(&kubernetes, &[first, ("10.244.2.2", false, true, true, "zone-2")]).await?;
        pods.end_terminating().await?;
        endpoints_become(&kubernetes, &[first]).await
    })
    .unwrap();
}

#[test]
fn an_api_server_comes_back_with_what_another_one_was_told() {
    network::isolated(|| async {
        let kubernetes = start().await?;
        let mut other = kubernetes.another_api_server().await?;
        other.kill()?;
        kubernetes.apply("{apiVersion: v1, kind: Namespace, metadata: {name: later}}").await?;
        other.restart().await?;
        let kubeconfig = kubernetes.kubeconfig_for(ACCOUNT, &other).await?;
        let services: Api<Service> = Api::namespaced(client(&kubeconfig).await?, "shop");
        services.get("cart").await?;
        Api::<Namespace>::all(other.client().await?).get("later").await?;
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_account_may_do_what_its_role_allows_and_the_audit_log_knows() {
    network::isolated(|| async {
        let kubernetes = start().await?;
        let client = client(&kubernetes.kubeconfig_for(ACCOUNT, &kubernetes.api_server).await?).await?;
        let services: Api<Service> = Api::all(client.clone());
        services.list(&ListParams::default()).await?;
        let refused = Api::<Namespace>::all(client).list(&ListParams::default()).await;
        ensure!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403), "{refused:?}");
        let requests = kubernetes.api_server.requests_of(ACCOUNT)?;
        let seen: Vec<_> =
            requests.iter().map(|seen| (seen.verb.as_str(), seen.resource.as_str(), seen.code)).collect();
        assert_eq!(seen, [("list", "services", 200), ("list", "namespaces", 403)]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_watch_from_before_the_compaction_is_gone_when_the_api_server_has_restarted() {
    network::isolated(|| async {
        let kubernetes = start().await?;
        let mut other = kubernetes.another_api_server().await?;
        let before = Api::<Namespace>::all(kubernetes.client()).list(&ListParams::default()).await?;
        let before = before.metadata.resource_version.unwrap_or_default();
        kubernetes.apply("{apiVersion: v1, kind: Namespace, metadata: {name: later}}").await?;
        kubernetes.compact().await?;
        other.kill()?;
        other.restart().await?;
        let namespaces = Api::<Namespace>::all(other.client().await?);
        let mut events = namespaces.watch(&WatchParams::default(), &before).await?.boxed();
        let first = events.next().await;
        ensure!(matches!(&first, Some(Ok(WatchEvent::Error(status))) if status.code == 410), "{first:?}");
        Ok(())
    })
    .unwrap();
}

async fn client(kubeconfig: &std::path::Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
