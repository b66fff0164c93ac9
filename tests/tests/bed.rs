//! The instruments are honest: every client loses nothing through plain Envoys, and a broken server is noticed.

use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::{Backend, Options};
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, ConnectionLimits, HttpListener};
use evenkeel_tests::client::steady::{Protocol, Steady};
use evenkeel_tests::client::{Client, Kind, Load, Outcome};
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::wait;

const CONCURRENCY: usize = 8;
const PATIENCE: Duration = Duration::from_secs(20);

async fn gateway(version: EnvoyVersion, backend: &Backend, limits: ConnectionLimits) -> Result<Envoy> {
    let listener = HttpListener::new("gateway").route("/", "backend").limits(limits);
    let cluster = Cluster::new("backend", &[backend.address()]).http2();
    let bootstrap = Bootstrap::new("gateway").listener(listener).cluster(cluster);
    Start::new(version).run(bootstrap.into_json()).await
}

fn amount(kind: Kind) -> u64 {
    if kind.is_small() { 500 } else { 16 }
}

fn assert_nothing_failed(outcome: &Outcome, what: &str) {
    assert_eq!((outcome.failed, &outcome.errors), (0, &Outcome::default().errors), "{what}");
}

async fn every_client_loses_nothing(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let gateway = gateway(version, &backend, ConnectionLimits::default()).await?;
    let target = gateway.listener("gateway").await?;
    for client in Client::ALL {
        for kind in client.kinds() {
            let load = Load::new(target, *kind, amount(*kind), CONCURRENCY);
            let outcome = client.run(&load).await?;
            assert_nothing_failed(&outcome, &format!("{client:?} {kind:?} through Envoy {version}"));
            assert_eq!(backend.record().executed(&load.prefix) as u64, load.requests, "{client:?} {kind:?}");
            assert!(outcome.dials.is_none_or(|dials| dials > 0), "{client:?} {kind:?}: {outcome:?}");
        }
    }
    assert_eq!(backend.record().executed_twice(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn every_client_loses_nothing_through_the_oldest_envoy() {
    every_client_loses_nothing(EnvoyVersion::V1_37).await.unwrap();
}

#[tokio::test]
async fn every_client_loses_nothing_through_the_newest_envoy() {
    every_client_loses_nothing(EnvoyVersion::V1_40).await.unwrap();
}

/// Every 10th request is dropped; a client may send some of those again, which the backend then sees twice.
#[tokio::test]
async fn a_broken_server_is_noticed_by_every_client() {
    let broken = Options { drop_every: Some(10), ..Options::default() };
    for client in Client::ALL {
        let backend = Backend::start_with(&broken).unwrap();
        let load = Load::new(backend.address(), client.kinds()[0], 200, CONCURRENCY);
        let outcome = client.run(&load).await.unwrap();
        let repeated = backend.record().executed_twice().len();
        assert!(outcome.failed + repeated as u64 >= 10, "{client:?}: {outcome:?}, {repeated} sent again");
        assert_eq!(outcome.errors.values().sum::<u64>(), outcome.failed, "{client:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_absent_server_fails_every_request() {
    let gone = Backend::start().unwrap().address();
    for client in Client::ALL.into_iter().filter(|client| !matches!(client, Client::Tonic | Client::TonicRetry)) {
        let outcome = client.run(&Load::new(gone, client.kinds()[0], 20, CONCURRENCY)).await.unwrap();
        assert_eq!(outcome.failed, 20, "{client:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn steady_clients_keep_their_connections() {
    let backend = Backend::start().unwrap();
    for protocol in [Protocol::Http1, Protocol::Http2, Protocol::Grpc] {
        let steady = Steady { target: backend.address(), protocol, connections: 20, rate: 50.0 };
        let clients = steady.start();
        let counts = clients.counts();
        let enough = async || Ok(counts.snapshot().requests);
        wait::until("1000 requests", PATIENCE, enough, |requests| *requests >= 1000).await.unwrap();
        let end = clients.stop().await.unwrap();
        assert_eq!((end.failed, end.dials, end.closes), (0, 20, 0), "{protocol:?}: {end:?}");
    }
}

#[tokio::test]
async fn steady_clients_redial_when_told_to_go() {
    let backend = Backend::start().unwrap();
    let limits = ConnectionLimits { max_requests_per_connection: Some(10), ..ConnectionLimits::default() };
    let gateway = gateway(EnvoyVersion::NEWEST, &backend, limits).await.unwrap();
    for protocol in [Protocol::Http1, Protocol::Http2, Protocol::Grpc] {
        let target = gateway.listener("gateway").await.unwrap();
        let clients = Steady { target, protocol, connections: 10, rate: 50.0 }.start();
        let counts = clients.counts();
        wait::until("50 closes", PATIENCE, async || Ok(counts.snapshot()), |now| now.closes >= 50).await.unwrap();
        let end = clients.stop().await.unwrap();
        assert_eq!(end.failed, 0, "{protocol:?}: {end:?}");
        assert!(end.dials > 50 && end.requests <= end.dials * 11, "{protocol:?}: {end:?}");
    }
}

#[tokio::test]
async fn a_broken_server_is_noticed_by_steady_clients() {
    let broken = Options { drop_every: Some(10), ..Options::default() };
    let backend = Backend::start_with(&broken).unwrap();
    for protocol in [Protocol::Http1, Protocol::Http2, Protocol::Grpc] {
        let clients = Steady { target: backend.address(), protocol, connections: 5, rate: 50.0 }.start();
        let counts = clients.counts();
        wait::until("a failure", PATIENCE, async || Ok(counts.snapshot()), |now| now.failed >= 5).await.unwrap();
        drop(clients);
    }
}
