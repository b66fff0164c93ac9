//! Which nodes get requests, and how many.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use evenkeel_tests::{EnvoyVersion, network};

use super::bed::{Bed, Policy};

fn by_node(served: &BTreeMap<SocketAddr, u64>) -> BTreeMap<u8, u64> {
    let mut nodes = BTreeMap::new();
    for (pod, requests) in served {
        let SocketAddr::V4(pod) = pod else { continue };
        *nodes.entry(pod.ip().octets()[2]).or_default() += requests;
    }
    nodes
}

async fn nodes_get_requests_by_their_ready_pods(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Policy::Local).await?;
    bed.nodes_become(&[(1, 1), (2, 2)]).await?;
    bed.answers().await?;
    // Weighted turns are exact, wherever they begin.
    let served = by_node(&bed.send(300).await?);
    ensure!(served[&1].abs_diff(100) <= 1 && served[&2].abs_diff(200) <= 1, "{served:?}");

    bed.pods.running()[1].set_ready(false).await?;
    bed.nodes_become(&[(1, 1), (2, 1)]).await?;
    bed.answers().await?;
    let served = by_node(&bed.send(100).await?);
    ensure!(served[&1].abs_diff(50) <= 1 && served[&2].abs_diff(50) <= 1, "{served:?}");

    bed.pods.running()[0].set_ready(false).await?;
    bed.nodes_become(&[(2, 1)]).await?;
    bed.answers().await?;
    let served = by_node(&bed.send(20).await?);
    ensure!(served == BTreeMap::from([(1, 0), (2, 20)]), "{served:?}");
    Ok(())
}

/// A node passes on what it cannot serve itself, so all nodes are as good, and pods are kube-proxy's choice.
async fn all_nodes_are_equal_where_each_passes_on(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Policy::Cluster).await?;
    bed.nodes_become(&[(1, 1), (2, 1), (3, 1)]).await?;
    bed.every_node_leads_to_every_pod().await?;
    let served = bed.send(300).await?;
    ensure!(served.values().all(|requests| *requests > 50), "each pod gets a third by chance: {served:?}");
    bed.set_policy(Policy::Local).await?;
    bed.nodes_become(&[(1, 1), (2, 2)]).await
}

macro_rules! on_each_envoy {
    ($($test:ident),+ $(,)?) => {
        mod envoy_1_37 {
            $(#[test] fn $test() -> super::Result<()> {
                super::network::isolated(|| super::$test(super::EnvoyVersion::V1_37))
            })+
        }
        mod envoy_1_40 {
            $(#[test] fn $test() -> super::Result<()> {
                super::network::isolated(|| super::$test(super::EnvoyVersion::V1_40))
            })+
        }
    };
}

on_each_envoy! { nodes_get_requests_by_their_ready_pods, all_nodes_are_equal_where_each_passes_on }
