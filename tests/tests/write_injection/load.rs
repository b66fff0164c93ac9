//! No request fails while connections are replaced all the time.

use anyhow::Result;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::bootstrap::Cluster;
use evenkeel_tests::client::{Client, Kind, Load, Outcome};
use evenkeel_tests::gateway::{CLUSTER, Plan};
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use futures::future::try_join_all;
use serde_json::json;

on_each_envoy! {
    nothing_of_hyper_fails,
    nothing_of_grpc_fails,
    nothing_of_go_and_envoy_fails,
}

/// Far more than the requests that one connection may have.
const SMALL: u64 = 2_000;
const LARGE: u64 = 60;
const STREAMS: u64 = 64;

async fn nothing_of_hyper_fails(version: EnvoyVersion) -> Result<()> {
    nothing_fails(version, &[Client::HyperHttp1, Client::HyperHttp2]).await
}

async fn nothing_of_grpc_fails(version: EnvoyVersion) -> Result<()> {
    nothing_fails(version, &[Client::TonicRetry, Client::GrpcGo, Client::Grpcio]).await
}

async fn nothing_of_go_and_envoy_fails(version: EnvoyVersion) -> Result<()> {
    nothing_fails(version, &[Client::GoHttp1, Client::EnvoyHttp1, Client::EnvoyHttp2]).await
}

async fn nothing_fails(version: EnvoyVersion, clients: &[Client]) -> Result<()> {
    let backend = Backend::start()?;
    let settings = json!({"inbound": {"maxAge": "500ms", "maxRequests": 50, "jitter": 0.5}});
    let upstream = Cluster::new(CLUSTER, &[backend.address()]);
    // HTTP/1 has no trailers where nobody announces them, as gRPC does not.
    let upstream = if clients.contains(&Client::GrpcGo) { upstream.http2() } else { upstream };
    let gateway = Plan::caps_alone(settings)?.workers(2).cluster(upstream).start(version).await?;
    let loads = clients.iter().flat_map(|client| client.kinds().iter().map(move |kind| (*client, *kind)));
    let runs = loads.map(async |(client, kind)| run(client, load(gateway.address, kind)).await);
    let mut sent = 0;
    for (client, kind, outcome) in try_join_all(runs).await? {
        assert_eq!(outcome.failed, 0, "{client:?} {kind:?}: {:?}", outcome.errors);
        sent += outcome.ok;
    }
    assert_eq!(backend.record().executed_twice(), Vec::<String>::new());
    let drains = gateway.stat("drains_requests").await? + gateway.stat("drains_age").await?;
    assert!(drains >= 50, "{drains} drains for {sent} requests");
    // grpc-go takes leave, when it is closed, with a GOAWAY whose last stream Envoy finds wrong.
    let farewells = if clients.contains(&Client::GrpcGo) { Client::GrpcGo.kinds().len() as u64 } else { 0 };
    assert!(gateway.envoy.stat("http.gateway.downstream_cx_protocol_error").await? <= farewells);
    for fault in ["downstream_rq_rx_reset", "downstream_rq_tx_reset"] {
        assert_eq!(gateway.envoy.stat(&format!("http.gateway.{fault}")).await?, 0, "{fault}");
    }
    Ok(())
}

async fn run(client: Client, load: Load) -> Result<(Client, Kind, Outcome)> {
    Ok((client, load.kind, client.run(&load).await?))
}

fn load(target: std::net::SocketAddr, kind: Kind) -> Load {
    match kind {
        Kind::ServerStream => Load::new(target, kind, STREAMS, 32),
        Kind::Upload | Kind::Download => Load::new(target, kind, LARGE, 4),
        _ => Load::new(target, kind, SMALL, 8),
    }
}
