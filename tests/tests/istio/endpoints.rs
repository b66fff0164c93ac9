//! A destination whose endpoints come from the control plane, while everything else comes from istiod.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::dns::DnsServer;
use evenkeel_tests::kubernetes::{CONTROL_PLANE_ACCOUNT, Node, Pods};
use evenkeel_tests::{EnvoyVersion, network, wait};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::mesh::Mesh;
use super::place::Place;
use super::policy::CONTROL_PLANE_PORT;
use super::traffic::{serving, under_load};

const PATIENCE: Duration = Duration::from_secs(20);
const CART: &str = "outbound|80||cart.shop.svc.cluster.local";
const POLICY: &str = "endpoints: {destinations: [{host: cart.shop.svc.cluster.local, port: 80}]}";
/// Where the replicas are.
const FIRST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A mesh, and the control plane that its proxy can take endpoints from.
struct Bed {
    mesh: Mesh,
    place: Place,
    control_plane: ControlPlane,
    /// Knows where its replicas are.
    dns: DnsServer,
}

impl Bed {
    async fn start(place: Place, version: EnvoyVersion) -> Result<Self> {
        let dns = DnsServer::start(&[FIRST]).await?;
        let mesh = Mesh::start_with(place, version, Some(dns.address())).await?;
        mesh.kubernetes.create_control_plane_account().await?;
        let control_plane = replica(&mesh, FIRST).await?;
        serving(place).await?;
        Ok(Self { mesh, place, control_plane, dns })
    }

    /// Waits until the cluster of a destination, in force, takes its endpoints from the control plane or not.
    async fn comes_from_us(&self, cluster: &str, ours: bool) -> Result<()> {
        let what = format!("the endpoints of {cluster} to be {}", if ours { "ours" } else { "istiod's" });
        let source = async || self.source(cluster).await;
        wait::until(&what, PATIENCE, source, |source| source.get("api_config_source").is_some() == ours).await.map(drop)
    }

    /// Where the active cluster takes its endpoints from.
    async fn source(&self, cluster: &str) -> Result<Value> {
        let dump = self.mesh.proxy.admin("/config_dump?resource=dynamic_active_clusters").await?;
        let dump: Value = serde_json::from_str(&dump)?;
        let mut clusters = dump["configs"].as_array().into_iter().flatten().map(|config| &config["cluster"]);
        let found = clusters.find(|found| found["name"] == cluster).with_context(|| format!("no cluster {cluster}"))?;
        Ok(found["eds_cluster_config"]["eds_config"].clone())
    }

    /// Waits until the destination has exactly the pods that run.
    async fn has_all_pods(&self) -> Result<()> {
        let expected: BTreeSet<_> = self.mesh.pods.addresses().into_iter().collect();
        self.has(CART, &expected).await
    }

    async fn has(&self, cluster: &str, expected: &BTreeSet<SocketAddr>) -> Result<()> {
        let hosts = async || Ok(self.mesh.proxy.hosts(cluster).await?.into_keys().collect());
        wait::until("the hosts", PATIENCE, hosts, |hosts: &BTreeSet<_>| hosts == expected).await.map(drop)
    }

    /// What istiod does not say now comes from the control plane.
    async fn follows_while_istiod_stands_still(&mut self, pods: usize) -> Result<()> {
        self.mesh.istiod.pause()?;
        self.mesh.pods.scale(pods).await?;
        self.has_all_pods().await?;
        self.mesh.istiod.resume()
    }

    /// A cluster of which something changes is made anew, with endpoints of its own.
    async fn change_the_cluster(&self, requests: u32) -> Result<()> {
        self.mesh
            .kubernetes
            .apply(&format!(
                "{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: cart, namespace: shop}}, spec: {{
                   host: cart.shop.svc.cluster.local,
                   trafficPolicy: {{connectionPool: {{http: {{http2MaxRequests: {requests}}}}}}}}}}}"
            ))
            .await
    }

    async fn label(&self, pod: &str, labels: &Value) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.mesh.kubernetes.client(), "shop");
        pods.patch(pod, &PatchParams::default(), &Patch::Merge(json!({"metadata": {"labels": labels}}))).await?;
        Ok(())
    }

    /// What was said of the endpoints of a cluster. What only says how Envoy keeps them is left out.
    async fn assignment(&self, cluster: &str) -> Result<Value> {
        let dump = self.mesh.proxy.admin("/config_dump?include_eds&resource=dynamic_endpoint_configs").await?;
        let dump: Value = serde_json::from_str(&dump)?;
        let mut all = dump["configs"].as_array().into_iter().flatten().map(|config| &config["endpoint_config"]);
        let found = all.find(|found| found["cluster_name"] == cluster).context("no endpoints")?;
        Ok(found["endpoints"].clone())
    }

    fn refused_nothing(&self) -> Result<()> {
        ensure!(self.mesh.istiod.refusals().is_empty(), "{:?}", self.mesh.istiod.refusals());
        Ok(())
    }
}

async fn replica(mesh: &Mesh, address: Ipv4Addr) -> Result<ControlPlane> {
    let xds = SocketAddr::from((address, CONTROL_PLANE_PORT));
    let kubeconfig = mesh.kubernetes.kubeconfig_for(CONTROL_PLANE_ACCOUNT, &mesh.kubernetes.api_server).await?;
    let mut control_plane = ControlPlane::launch_in_cluster_on(xds, &kubeconfig, &[]).await?;
    control_plane.becomes_ready().await?;
    Ok(control_plane)
}

async fn they_come_and_go_without_a_failed_request(version: EnvoyVersion) -> Result<()> {
    let mut bed = Bed::start(Place::Gateway, version).await?;
    let steps = async {
        bed.mesh.apply_policy(POLICY).await?;
        bed.comes_from_us(CART, true).await?;
        bed.follows_while_istiod_stands_still(3).await?;
        bed.mesh.remove_policy().await?;
        bed.comes_from_us(CART, false).await?;
        bed.control_plane.kill()?;
        bed.mesh.pods.scale(4).await?;
        bed.has_all_pods().await?;
        bed.refused_nothing()
    };
    under_load(Place::Gateway, steps).await.map(drop)
}

#[test]
fn on_envoy_1_37_they_come_and_go_without_a_failed_request() -> Result<()> {
    network::isolated(|| they_come_and_go_without_a_failed_request(EnvoyVersion::V1_37))
}

#[test]
fn on_the_newest_envoy_they_come_and_go_without_a_failed_request() -> Result<()> {
    network::isolated(|| they_come_and_go_without_a_failed_request(EnvoyVersion::NEWEST))
}

/// Two pods in different zones, one with a sidecar: address, locality, weight, `istio` metadata.
#[test]
fn they_say_what_istiod_says() -> Result<()> {
    network::isolated(|| async {
        let mut bed = Bed::start(Place::Gateway, EnvoyVersion::NEWEST).await?;
        let second_node = Node::new(2);
        second_node.apply(&bed.mesh.kubernetes).await?;
        bed.mesh.pods.add_node(second_node)?;
        bed.mesh.pods.scale(4).await?;
        let labels = json!({"security.istio.io/tlsMode": "istio", "service.istio.io/canonical-name": "basket"});
        bed.label(bed.mesh.pods.running()[0].name(), &labels).await?;
        bed.has_all_pods().await?;
        let is_newest = |assignment: &Value| {
            let text = assignment.to_string();
            text.contains("basket") && !text.contains("UNHEALTHY")
        };
        let istiod = wait::until("istiod to know", PATIENCE, async || bed.assignment(CART).await, is_newest).await?;
        bed.mesh.apply_policy(POLICY).await?;
        bed.comes_from_us(CART, true).await?;
        let same = |ours: &Value| *ours == istiod;
        wait::until(&format!("{istiod}"), PATIENCE, async || bed.assignment(CART).await, same).await.map(drop)
    })
}

/// What istiod says of routes, subsets and outliers holds as before.
#[test]
fn everything_else_stays_istiods() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start(Place::Gateway, EnvoyVersion::NEWEST).await?;
        let second_node = Node::new(2);
        second_node.apply(&bed.mesh.kubernetes).await?;
        let mut pay = Pods::new(&bed.mesh.kubernetes, "shop", "pay", &[second_node])?;
        pay.scale(1).await?;
        bed.mesh.kubernetes.apply(HALVES).await?;
        bed.mesh
            .apply_policy(
                "endpoints: {destinations: [{host: cart.shop.svc.cluster.local, port: 80}, \
                 {host: pay.shop.svc.cluster.local, port: 80}]}",
            )
            .await?;
        for cluster in [CART, "outbound|80||pay.shop.svc.cluster.local"] {
            bed.comes_from_us(cluster, true).await?;
        }
        wait::until(
            "both halves to serve",
            PATIENCE,
            async || served(&bed, &pay, 10).await,
            |[cart, pay]| *cart > 0 && *pay > 0,
        )
        .await?;
        // Five standard deviations of 400 throws of a coin.
        let [cart, pay] = served(&bed, &pay, 400).await?;
        ensure!(cart.abs_diff(pay) <= 100 && cart + pay == 400, "{cart} and {pay}");
        bed.refused_nothing()
    })
}

/// A Service `pay`, and half of the requests for each.
const HALVES: &str = "
{apiVersion: v1, kind: Service, metadata: {name: pay, namespace: shop}, spec: {
  selector: {app: pay}, ports: [{name: http, port: 80, targetPort: http}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: cart, namespace: istio-system}, spec: {
  hosts: ['*'], gateways: [gateway], http: [{route: [
    {destination: {host: cart.shop.svc.cluster.local, port: {number: 80}}, weight: 50},
    {destination: {host: pay.shop.svc.cluster.local, port: {number: 80}}, weight: 50}]}]}}
";

/// How many of these requests were served by the pods of each Service.
async fn served(bed: &Bed, pay: &Pods, requests: u32) -> Result<[u64; 2]> {
    let totals =
        || [&bed.mesh.pods, pay].map(|pods| pods.running().iter().map(|pod| pod.record().total()).sum::<u64>());
    let before = totals();
    let mut client = serving(bed.place).await?;
    for _ in 1..requests {
        let answer = client.get("/", &[]).await?;
        ensure!(answer.status == 200, "{answer:?}");
    }
    let after = totals();
    Ok([0, 1].map(|index| after[index] - before[index]))
}

#[test]
fn a_subset_has_its_own_pods() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start(Place::Gateway, EnvoyVersion::NEWEST).await?;
        let first = &bed.mesh.pods.running()[0];
        bed.label(first.name(), &json!({"version": "v1"})).await?;
        bed.mesh.kubernetes.apply(SUBSET).await?;
        let policy = "endpoints: {destinations: [{host: cart.shop.svc.cluster.local, port: 80, subset: v1}]}";
        bed.mesh.apply_policy(policy).await?;
        let subset = "outbound|80|v1|cart.shop.svc.cluster.local";
        bed.comes_from_us(subset, true).await?;
        bed.has(subset, &[first.address()].into()).await?;
        bed.comes_from_us(CART, false).await?;
        bed.refused_nothing()
    })
}

const SUBSET: &str = "
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: cart, namespace: shop}, spec: {
  host: cart.shop.svc.cluster.local, subsets: [{name: v1, labels: {version: v1}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: cart, namespace: istio-system}, spec: {
  hosts: ['*'], gateways: [gateway],
  http: [{route: [{destination: {host: cart.shop.svc.cluster.local, subset: v1, port: {number: 80}}}]}]}}
";

#[test]
fn a_pod_that_fails_is_ejected() -> Result<()> {
    network::isolated(|| async {
        let mut bed = Bed::start(Place::Gateway, EnvoyVersion::NEWEST).await?;
        bed.mesh.kubernetes.apply(OUTLIERS).await?;
        bed.mesh.apply_policy(POLICY).await?;
        bed.comes_from_us(CART, true).await?;
        let failing = bed.mesh.pods.running()[1].address();
        bed.mesh.pods.crash()?;
        let ejected = async || {
            serving(Place::Gateway).await?;
            bed.mesh.proxy.ejected(CART).await
        };
        wait::until("the pod to be ejected", PATIENCE, ejected, |ejected| *ejected == [failing]).await?;
        bed.refused_nothing()
    })
}

const OUTLIERS: &str = "
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: cart, namespace: shop}, spec: {
  host: cart.shop.svc.cluster.local, trafficPolicy: {
    outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 3m, maxEjectionPercent: 50}}}}
";

#[test]
fn traffic_goes_on_without_the_control_plane_and_while_clusters_change() -> Result<()> {
    network::isolated(|| async {
        let mut bed = Bed::start(Place::Gateway, EnvoyVersion::NEWEST).await?;
        bed.mesh.apply_policy(POLICY).await?;
        bed.comes_from_us(CART, true).await?;
        let steps = async {
            bed.control_plane.kill()?;
            bed.change_the_cluster(500).await?;
            sleep(Duration::from_secs(5)).await;
            bed.control_plane.restart().await?;
            bed.follows_while_istiod_stands_still(3).await
        };
        under_load(Place::Gateway, steps).await.map(drop)
    })
}

#[test]
fn a_new_proxy_starts_when_its_time_is_over_and_serves_when_the_control_plane_is_back() -> Result<()> {
    network::isolated(|| async {
        let mut bed = Bed::start(Place::Gateway, EnvoyVersion::NEWEST).await?;
        bed.mesh.apply_policy(&POLICY.replace("]}", "], initialFetchTimeout: 2s}")).await?;
        bed.comes_from_us(CART, true).await?;
        bed.control_plane.kill()?;
        // It waits until the new proxy is live.
        let mut bed = Bed { mesh: bed.mesh.replace_proxy().await?, ..bed };
        bed.has(CART, &BTreeSet::new()).await?;
        bed.control_plane.restart().await?;
        serving(bed.place).await.map(drop)
    })
}

#[test]
fn one_of_two_replicas_is_enough() -> Result<()> {
    network::isolated(|| async {
        let mut bed = Bed::start(Place::Gateway, EnvoyVersion::NEWEST).await?;
        let _second = replica(&bed.mesh, SECOND).await?;
        bed.dns.set(&[FIRST, SECOND]);
        bed.mesh.apply_policy(POLICY).await?;
        bed.comes_from_us(CART, true).await?;
        let steps = async {
            bed.control_plane.kill()?;
            for requests in 500..503 {
                bed.change_the_cluster(requests).await?;
                sleep(Duration::from_secs(1)).await;
            }
            bed.follows_while_istiod_stands_still(3).await
        };
        under_load(Place::Gateway, steps).await.map(drop)
    })
}

/// The clusters that a `Sidecar` resource hides are the mesh's own; ours come with the policy.
#[test]
fn a_sidecar_that_sees_only_its_own_namespace_has_them_as_well() -> Result<()> {
    network::isolated(|| async {
        let mut bed = Bed::start(Place::Sidecar, EnvoyVersion::NEWEST).await?;
        bed.mesh.kubernetes.apply(OWN_NAMESPACE).await?;
        bed.mesh.apply_policy(POLICY).await?;
        bed.comes_from_us(CART, true).await?;
        bed.follows_while_istiod_stands_still(3).await?;
        bed.refused_nothing()
    })
}

const OWN_NAMESPACE: &str = "
{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: default, namespace: shop}, spec: {
  egress: [{hosts: ['./*']}]}}
";
