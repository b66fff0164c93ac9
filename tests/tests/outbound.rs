//! Outbound rotation: new requests go out on a new upstream connection when the key of the pool is replaced, nobody's
//! request fails, and the old connections end by the cluster's `idle_timeout`.

use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_tests::backend::{Backend, CONNECTION_HEADER, Certificate, Options};
use evenkeel_tests::bootstrap::{Cluster, ConnectionLimits, upstream_tls};
use evenkeel_tests::client::{Client, Kind, Load};
use evenkeel_tests::gateway::{CLUSTER, Gateway, PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::RawHttp2;
use evenkeel_tests::{EnvoyVersion, on_each_envoy, wait};
use serde_json::{Value, json};
use tokio::time::sleep;

on_each_envoy! {
    no_request_fails_while_keys_change_over_http1,
    no_request_fails_while_keys_change_over_http2,
    no_request_fails_while_keys_change_over_http1_with_tls,
    no_request_fails_while_keys_change_over_http2_with_tls,
    a_cap_of_requests_holds_for_each_upstream_connection,
    the_clusters_own_cap_is_exact_for_each_connection,
    the_next_request_goes_out_on_a_new_connection,
    without_outbound_again_pools_are_shared_as_before,
}

/// Two rotation periods of one second.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);
const CONCURRENCY: usize = 32;

async fn no_request_fails_while_keys_change_over_http1(version: EnvoyVersion) -> Result<()> {
    no_request_fails(version, Protocol { http2: false, tls: false }).await
}

async fn no_request_fails_while_keys_change_over_http2(version: EnvoyVersion) -> Result<()> {
    no_request_fails(version, Protocol { http2: true, tls: false }).await
}

async fn no_request_fails_while_keys_change_over_http1_with_tls(version: EnvoyVersion) -> Result<()> {
    no_request_fails(version, Protocol { http2: false, tls: true }).await
}

async fn no_request_fails_while_keys_change_over_http2_with_tls(version: EnvoyVersion) -> Result<()> {
    no_request_fails(version, Protocol { http2: true, tls: true }).await
}

/// What the gateway speaks to the backend.
#[derive(Clone, Copy, Debug)]
struct Protocol {
    http2: bool,
    tls: bool,
}

impl Protocol {
    /// The backend, its certificate (whose files go with it), and the gateway's cluster for it.
    fn backend(self) -> Result<(Backend, Option<Certificate>, Cluster)> {
        let certificate = self.tls.then(Certificate::generate).transpose()?;
        let backend = Backend::start_with(&Options { certificate: certificate.clone(), ..Options::default() })?;
        let mut cluster = Cluster::new(CLUSTER, &[backend.address()]).limits(limits(None));
        if self.http2 {
            cluster = cluster.http2();
        }
        if let Some(certificate) = &certificate {
            cluster = cluster.tls(upstream_tls(certificate));
        }
        Ok((backend, certificate, cluster))
    }
}

async fn no_request_fails(version: EnvoyVersion, protocol: Protocol) -> Result<()> {
    let (backend, _certificate, cluster) = protocol.backend()?;
    let gateway = Plan::new(every_second()).with_pool().workers(2).cluster(cluster).start(version).await?;
    let mut requests = 0;
    // At least 20,000 requests, and long enough for several keys of each worker.
    while requests < 20_000 || gateway.stat("keys_rotated").await? < 8 {
        no_failure_of(&gateway, 5_000).await?;
        requests += 5_000;
    }
    assert_eq!(backend.record().total(), requests);
    assert!(backend.record().executed_twice().is_empty());
    nothing_was_cut(&gateway).await?;
    all_end_by_idle_timeout(&gateway, &backend).await
}

async fn nothing_was_cut(gateway: &Gateway) -> Result<()> {
    for stat in [
        "upstream_cx_overflow",
        "upstream_cx_destroy_with_active_rq",
        "upstream_rq_pending_failure_eject",
        "upstream_rq_5xx",
    ] {
        assert_eq!(upstream(gateway, stat).await?, 0, "{stat}");
    }
    Ok(())
}

async fn all_end_by_idle_timeout(gateway: &Gateway, backend: &Backend) -> Result<()> {
    let active = format!("cluster.{CLUSTER}.upstream_cx_active");
    gateway.envoy.stat_until(&active, |active| active == 0, PATIENCE).await?;
    let open = async || Ok(backend.record().open_connections());
    wait::until("the backend's connections to end", PATIENCE, open, |open| *open == 0).await?;
    let (made, idle) =
        (upstream(gateway, "upstream_cx_total").await?, upstream(gateway, "upstream_cx_idle_timeout").await?);
    assert_eq!(made, idle, "connections that ended for another reason than being idle");
    Ok(())
}

async fn a_cap_of_requests_holds_for_each_upstream_connection(version: EnvoyVersion) -> Result<()> {
    const CAP: u64 = 50;
    for http2 in [false, true] {
        let (backend, cluster) = clear_text(http2)?;
        let plan = Plan::new(json!({"outbound": {"maxRequests": CAP}})).with_request().with_pool();
        let gateway = plan.cluster(cluster).start(version).await?;
        no_failure_of(&gateway, 5_000).await?;
        let served = served_per_connection(&backend);
        assert!(served.iter().all(|requests| *requests <= CAP), "{served:?}");
        // One connection per key where one connection is enough for all that is in flight.
        assert!(!http2 || served == [CAP; 100], "{served:?}");
        // By what was served, not by what was asked for: a client may send a request again.
        let rotations = (served.iter().sum::<u64>() - 1) / CAP;
        gateway.stat_becomes("keys_rotated", rotations).await?;
    }
    Ok(())
}

async fn the_clusters_own_cap_is_exact_for_each_connection(version: EnvoyVersion) -> Result<()> {
    const CAP: u64 = 20;
    for http2 in [false, true] {
        let (backend, cluster) = clear_text(http2)?;
        let cluster = cluster.limits(limits(Some(CAP as u32)));
        let gateway = Plan::new(every_second()).with_pool().cluster(cluster).start(version).await?;
        no_failure_of(&gateway, 5_000).await?;
        let served = served_per_connection(&backend);
        assert!(served.iter().all(|requests| *requests <= CAP) && served.contains(&CAP), "{served:?}");
        nothing_was_cut(&gateway).await?;
    }
    Ok(())
}

/// A stream that is still running stays where it is.
async fn the_next_request_goes_out_on_a_new_connection(version: EnvoyVersion) -> Result<()> {
    let (backend, cluster) = clear_text(true)?;
    let gateway = Plan::new(every_second()).with_pool().cluster(cluster).start(version).await?;
    let mut streaming = RawHttp2::connect(gateway.address).await?;
    let endless = streaming.get("/forever", &[])?;
    streaming.until("the stream's begin", PATIENCE, |seen| seen.headers_at(endless).is_some()).await?;
    let mut client = RawHttp1::connect(gateway.address).await?;
    let mut seen = vec![served_by(&mut client).await?];
    assert_eq!(seen, ["0"], "one worker, one key, one connection");
    while seen.len() < 4 {
        let now = served_by(&mut client).await?;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(seen, ["0", "1", "2", "3"]);
    gateway.stat_becomes("keys_rotated", 3).await?;
    let connections = backend.record().connections();
    assert!(connections[0].is_open(), "the endless stream's connection");
    assert_eq!(streaming.seen().end, None);
    assert!(!streaming.seen().is_answered(endless) && streaming.seen().resets().is_empty());
    Ok(())
}

async fn without_outbound_again_pools_are_shared_as_before(version: EnvoyVersion) -> Result<()> {
    let (_backend, cluster) = clear_text(true)?;
    let gateway = Plan::new(every_second()).with_pool().cluster(cluster).start(version).await?;
    let mut client = RawHttp1::connect(gateway.address).await?;
    let keyed = served_by(&mut client).await?;
    gateway.edit(&json!({})).await?;
    let mut last = keyed.clone();
    while last == keyed {
        last = served_by(&mut client).await?;
        sleep(Duration::from_millis(20)).await;
    }
    let rotated = gateway.stat("keys_rotated").await?;
    // Longer than a key lived before.
    for _ in 0..100 {
        assert_eq!(served_by(&mut client).await?, last);
        assert_eq!(served_by(&mut RawHttp1::connect(gateway.address).await?).await?, last);
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(gateway.stat("keys_rotated").await?, rotated);
    Ok(())
}

fn clear_text(http2: bool) -> Result<(Backend, Cluster)> {
    let (backend, _, cluster) = Protocol { http2, tls: false }.backend()?;
    Ok((backend, cluster))
}

fn every_second() -> Value {
    json!({"outbound": {"maxAge": "1s"}})
}

fn limits(max_requests_per_connection: Option<u32>) -> ConnectionLimits {
    ConnectionLimits { max_requests_per_connection, idle_timeout: Some(IDLE_TIMEOUT), ..ConnectionLimits::default() }
}

async fn no_failure_of(gateway: &Gateway, requests: u64) -> Result<()> {
    let load = Load::new(gateway.address, Kind::Post, requests, CONCURRENCY);
    let outcome = Client::HyperHttp1.run(&load).await?;
    assert_eq!(outcome.failed, 0, "{:?}", outcome.errors);
    Ok(())
}

async fn upstream(gateway: &Gateway, stat: &str) -> Result<u64> {
    gateway.envoy.stat(&format!("cluster.{CLUSTER}.{stat}")).await
}

/// How many requests the backend got on each connection.
fn served_per_connection(backend: &Backend) -> Vec<u64> {
    backend.record().connections().iter().map(|connection| connection.requests()).collect()
}

/// The number of the upstream connection that a request went out on.
async fn served_by(client: &mut RawHttp1) -> Result<String> {
    let answer = client.get("/", &[]).await?;
    let connection = answer.header(CONNECTION_HEADER).context("the backend did not answer")?;
    Ok(connection.to_owned())
}
