//! An object that no version of the API allows is left out, and told of; the others are served.

use std::net::SocketAddr;

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::control_plane::ControlPlane;
use serde_json::{Value, json};

use super::cluster::RESOURCE;
use super::fake_api_server::FakeApiServer;
use super::gateway::{Gateway, PATIENCE};

const MALFORMED_SLICES: &str = "evenkeel_source_malformed_objects{kind=\"EndpointSlice\"}";

fn service() -> Value {
    json!({
        "metadata": {"name": "cart", "namespace": "shop", "uid": "1", "resourceVersion": "1"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.9", "selector": {"app": "cart"},
                 "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
    })
}

fn slice(name: &str, endpoints: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "1",
                     "labels": {"kubernetes.io/service-name": "cart"}},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    })
}

fn endpoint(address: &str) -> Value {
    json!({"addresses": [address], "conditions": {"ready": true}})
}

fn hosts(addresses: &[&str]) -> Vec<SocketAddr> {
    addresses.iter().filter_map(|address| format!("{address}:8080").parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slice_that_no_api_allows_is_left_out_and_the_others_are_served() -> Result<()> {
    let slices = [
        slice("cart-a", &json!([endpoint("10.244.1.1")])),
        slice("cart-b", &json!("nowhere")),
        slice("cart-c", &json!([endpoint("10.244.1.3")])),
    ];
    let folder = tempfile::tempdir()?;
    let api_server = FakeApiServer::start(&[("services", &[service()]), ("endpointslices", &slices)]).await?;
    let control_plane = ControlPlane::start_in_cluster(&api_server.kubeconfig(folder.path())?).await?;
    let gateway = Gateway::start(EnvoyVersion::NEWEST, control_plane.xds(), RESOURCE).await?;
    gateway.hosts_become(&hosts(&["10.244.1.1", "10.244.1.3"])).await?;
    control_plane.metric_becomes(MALFORMED_SLICES, 1.0, PATIENCE).await?;
    control_plane.log_until("shop/cart-b", PATIENCE).await?;

    // So it is with what the watch says.
    api_server.send("endpointslices", "ADDED", &slice("cart-d", &json!([{"addresses": 4}]))).await?;
    api_server.send("endpointslices", "ADDED", &slice("cart-e", &json!([endpoint("10.244.1.5")]))).await?;
    gateway.hosts_become(&hosts(&["10.244.1.1", "10.244.1.3", "10.244.1.5"])).await?;
    control_plane.metric_becomes(MALFORMED_SLICES, 2.0, PATIENCE).await?;
    control_plane.log_until("shop/cart-d", PATIENCE).await?;
    api_server.send("endpointslices", "MODIFIED", &slice("cart-b", &json!([endpoint("10.244.1.2")]))).await?;
    gateway.hosts_become(&hosts(&["10.244.1.1", "10.244.1.2", "10.244.1.3", "10.244.1.5"])).await?;
    control_plane.metric_becomes(MALFORMED_SLICES, 1.0, PATIENCE).await
}
