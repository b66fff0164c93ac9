//! A cluster with many services.

use std::net::Ipv4Addr;

use anyhow::Result;
use futures::stream::{StreamExt, TryStreamExt, iter};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, from_value, json};

use crate::progress::Progress;

/// Where they are.
pub const NAMESPACE: &str = "bench";
/// Endpoints of each service.
pub const ENDPOINTS_PER_SERVICE: u32 = 10;
/// How many objects are being created at a time.
const CREATING: usize = 32;

/// The name that clients ask for.
pub fn resource(service: u32) -> String {
    format!("pods/{NAMESPACE}/{}:80", name(service))
}

/// Creates services, and their slices beside them: no controller has to make those, for the services select nothing.
pub async fn create(client: &Client, services: u32) -> Result<()> {
    let mut progress = Progress::start("Creating services", u64::from(services))?;
    let apis = (Api::namespaced(client.clone(), NAMESPACE), Api::namespaced(client.clone(), NAMESPACE));
    let mut creating = iter(0..services).map(|number| create_one(&apis, number)).buffer_unordered(CREATING);
    while creating.try_next().await?.is_some() {
        progress.step();
    }
    Ok(())
}

async fn create_one((services, slices): &(Api<Service>, Api<EndpointSlice>), number: u32) -> Result<()> {
    services.create(&PostParams::default(), &from_value(service(number))?).await?;
    slices.create(&PostParams::default(), &from_value(slice(number))?).await?;
    Ok(())
}

fn name(number: u32) -> String {
    format!("service-{number:05}")
}

fn service(number: u32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name(number), "namespace": NAMESPACE, "labels": {"app": name(number)}},
        "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    })
}

/// As the controller writes them.
fn slice(number: u32) -> Value {
    let endpoints: Vec<Value> = (0..ENDPOINTS_PER_SERVICE).map(|index| endpoint(number, index)).collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": format!("{}-abcde", name(number)), "namespace": NAMESPACE,
            "labels": {
                "app": name(number),
                "kubernetes.io/service-name": name(number),
                "endpointslice.kubernetes.io/managed-by": "evenkeel-bench",
            },
        },
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": endpoints,
    })
}

fn endpoint(service: u32, index: u32) -> Value {
    let number = service * ENDPOINTS_PER_SERVICE + index;
    let [_, a, b, c] = number.to_be_bytes();
    json!({
        "addresses": [Ipv4Addr::new(10, 64 + a, b, c)],
        "conditions": {"ready": true, "serving": true, "terminating": false},
        "nodeName": format!("node-{:03}", number % 500),
        "zone": format!("zone-{}", number % 3),
        "targetRef": {
            "kind": "Pod", "namespace": NAMESPACE, "name": format!("{}-7d4b9c6f5d-{index:05}", name(service)),
            "uid": format!("7f1c2a8e-0000-4000-8000-{number:012}"),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_endpoint_has_an_address_of_its_own() {
        let addresses = |number| {
            let slice: EndpointSlice = from_value(slice(number)).unwrap();
            slice.endpoints.into_iter().flat_map(|endpoint| endpoint.addresses)
        };
        let all: BTreeSet<String> = (0..10_000).flat_map(addresses).collect();
        assert_eq!(all.len(), 100_000);
    }
}
