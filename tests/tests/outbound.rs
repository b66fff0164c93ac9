//! Outbound connections: while pool keys are replaced no request fails, whatever the upstream speaks; old connections
//! end; caps hold per connection as the backend counted; and without the section everything shares one pool again.

use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_tests::backend::{Backend, CONNECTION_HEADER, Certificate, Options};
use evenkeel_tests::bootstrap::{Cluster, ConnectionLimits, upstream_tls};
use evenkeel_tests::client::{Client, Kind, Load};
use evenkeel_tests::gateway::{CLUSTER, Gateway, PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::{EnvoyVersion, on_each_envoy, wait};
use serde_json::json;
use tokio::time::sleep;

on_each_envoy! {
    http1_upstreams_lose_nothing_while_keys_change,
    http1_upstreams_with_tls_lose_nothing_while_keys_change,
    http2_upstreams_lose_nothing_while_keys_change,
    http2_upstreams_with_tls_lose_nothing_while_keys_change,
    exactly_as_many_requests_go_out_under_a_key_as_its_cap_says,
    the_clusters_own_cap_holds_for_every_connection_while_keys_change,
    a_connection_follows_its_key_and_goes_back_to_the_shared_pool,
}

/// Sent with each load; loads are repeated until keys have changed [`ROTATIONS`] times.
const REQUESTS: u64 = 20_000;
const ROTATIONS: u64 = 4;
/// Two rotation periods.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

async fn http1_upstreams_lose_nothing_while_keys_change(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    nothing_is_lost(version, &backend, Cluster::new(CLUSTER, &[backend.address()])).await
}

async fn http1_upstreams_with_tls_lose_nothing_while_keys_change(version: EnvoyVersion) -> Result<()> {
    let (backend, cluster, _certificate) = with_tls()?;
    nothing_is_lost(version, &backend, cluster).await
}

async fn http2_upstreams_lose_nothing_while_keys_change(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    nothing_is_lost(version, &backend, Cluster::new(CLUSTER, &[backend.address()]).http2()).await
}

async fn http2_upstreams_with_tls_lose_nothing_while_keys_change(version: EnvoyVersion) -> Result<()> {
    let (backend, cluster, _certificate) = with_tls()?;
    nothing_is_lost(version, &backend, cluster.http2()).await
}

/// The certificate's files last as long as it does.
fn with_tls() -> Result<(Backend, Cluster, Certificate)> {
    let certificate = Certificate::generate()?;
    let backend = Backend::start_with(&Options { certificate: Some(certificate.clone()), ..Options::default() })?;
    let cluster = Cluster::new(CLUSTER, &[backend.address()]).tls(upstream_tls(&certificate));
    Ok((backend, cluster, certificate))
}

async fn nothing_is_lost(version: EnvoyVersion, backend: &Backend, cluster: Cluster) -> Result<()> {
    let gateway = Plan::new(json!({"outbound": {"maxAge": "1s"}})).with_pool().workers(2);
    let gateway = gateway.cluster(cluster.limits(idle_timeout())).start(version).await?;
    // Each of the two workers replaces its keys.
    while gateway.stat("keys_rotated").await? < 2 * ROTATIONS {
        send(&gateway, backend, Client::HyperHttp1, REQUESTS).await?;
    }
    let connections = backend.record().connections().len() as u64;
    assert!(connections > ROTATIONS, "{connections} connections for {ROTATIONS} keys");
    old_connections_end(&gateway, backend).await?;
    nothing_was_cut(&gateway).await
}

/// Sends a load of which every request arrives once and is answered.
async fn send(gateway: &Gateway, backend: &Backend, client: Client, requests: u64) -> Result<()> {
    let load = Load::new(gateway.address, Kind::Post, requests, 16);
    let outcome = client.run(&load).await?;
    assert_eq!((outcome.failed, &outcome.errors), (0, &Default::default()));
    assert_eq!(backend.record().executed(&load.prefix) as u64, requests);
    assert_eq!(backend.record().executed_twice(), [""; 0]);
    Ok(())
}

fn idle_timeout() -> ConnectionLimits {
    ConnectionLimits { idle_timeout: Some(IDLE_TIMEOUT), ..ConnectionLimits::default() }
}

async fn old_connections_end(gateway: &Gateway, backend: &Backend) -> Result<()> {
    let open = async || Ok(backend.record().open_connections());
    wait::until("old connections to end by the idle timeout", PATIENCE, open, |open| *open == 0).await?;
    assert_eq!(gateway.envoy.stat("cluster.backend.upstream_cx_active").await?, 0);
    Ok(())
}

async fn nothing_was_cut(gateway: &Gateway) -> Result<()> {
    for name in ["upstream_cx_overflow", "upstream_cx_destroy_with_active_rq", "upstream_rq_pending_failure_eject"] {
        assert_eq!(gateway.envoy.stat(&format!("cluster.backend.{name}")).await?, 0, "{name}");
    }
    Ok(())
}

async fn exactly_as_many_requests_go_out_under_a_key_as_its_cap_says(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let cluster = Cluster::new(CLUSTER, &[backend.address()]).http2().limits(idle_timeout());
    let gateway = Plan::new(json!({"outbound": {"maxRequests": 100}})).with_request().with_pool().cluster(cluster);
    let gateway = gateway.start(version).await?;
    send(&gateway, &backend, Client::HyperHttp2, 1_050).await?;
    // One HTTP/2 connection per key: what the backend counted is what went out under the key.
    let mut served: Vec<_> = backend.record().connections().iter().map(|connection| connection.requests()).collect();
    served.sort_unstable();
    assert_eq!(served, [vec![50], vec![100; 10]].concat());
    gateway.stat_becomes("keys_rotated", 10).await?;
    nothing_was_cut(&gateway).await
}

async fn the_clusters_own_cap_holds_for_every_connection_while_keys_change(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let limits = ConnectionLimits { max_requests_per_connection: Some(50), ..idle_timeout() };
    let cluster = Cluster::new(CLUSTER, &[backend.address()]).limits(limits);
    let gateway = Plan::new(json!({"outbound": {"maxAge": "500ms"}})).with_pool().cluster(cluster);
    let gateway = gateway.start(version).await?;
    send(&gateway, &backend, Client::HyperHttp1, REQUESTS).await?;
    let most = backend.record().connections().iter().map(|connection| connection.requests()).max();
    assert_eq!(most, Some(50));
    nothing_was_cut(&gateway).await
}

async fn a_connection_follows_its_key_and_goes_back_to_the_shared_pool(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let cluster = Cluster::new(CLUSTER, &[backend.address()]).limits(idle_timeout());
    let gateway = Plan::new(json!({"outbound": {"maxAge": "1s"}})).with_pool().cluster(cluster);
    let gateway = gateway.start(version).await?;
    let mut client = RawHttp1::connect(gateway.address).await?;
    let first = served_by(&mut client).await?;
    let rotated = async || gateway.stat("keys_rotated").await;
    wait::until("a new key", PATIENCE, rotated, |keys| *keys > 0).await?;
    let second = served_by(&mut client).await?;
    assert_ne!(first, second, "the request after a rotation went out on the old connection");
    gateway.edit(&json!({})).await?;
    let stays = async || stays_on_one_connection(&mut client).await;
    wait::until("requests to stay in the shared pool", PATIENCE, stays, |stays| *stays).await?;
    Ok(())
}

/// Whether requests over more than two rotation periods are served by one of the backend's connections.
async fn stays_on_one_connection(client: &mut RawHttp1) -> Result<bool> {
    let first = served_by(client).await?;
    for _ in 0..8 {
        sleep(Duration::from_millis(300)).await;
        if served_by(client).await? != first {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The number of the backend's connection that served a request.
async fn served_by(client: &mut RawHttp1) -> Result<String> {
    let answer = client.get("/", &[]).await?;
    answer.header(CONNECTION_HEADER).map(ToString::to_string).context("the backend does not say its connection")
}
