//! Plain Envoys start, forward, count and end.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::{Backend, Certificate, Options};
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, HttpListener, TcpListener, upstream_tls};
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::http_get::get;

const PATIENCE: Duration = Duration::from_secs(10);

async fn start(version: EnvoyVersion, cluster: Cluster) -> Result<Envoy> {
    let http = HttpListener::new("http").direct_response("/direct", "direct\n").route("/", "backend");
    let bootstrap = Bootstrap::new("plain").listener(http).listener(TcpListener::new("tcp", "backend"));
    Start::new(version).run(bootstrap.cluster(cluster).into_json()).await
}

async fn body(address: SocketAddr, path: &str) -> Result<String> {
    let (status, body) = get(address, path).await?;
    ensure!(status.is_success(), "{status}: {body}");
    Ok(body)
}

#[tokio::test]
async fn every_version_forwards_and_counts() {
    for version in EnvoyVersion::ALL {
        let backend = Backend::start().unwrap();
        let envoy = start(version, Cluster::new("backend", &[backend.address()])).await.unwrap();
        assert_eq!(body(envoy.listener("http").await.unwrap(), "/").await.unwrap(), "0\n");
        assert_eq!(body(envoy.listener("http").await.unwrap(), "/direct").await.unwrap(), "direct\n");
        assert_eq!(body(envoy.listener("tcp").await.unwrap(), "/bytes/40000").await.unwrap().len(), 40_000);
        envoy.stat_until("http.http.downstream_rq_2xx", |count| count == 2, PATIENCE).await.unwrap();
        envoy.stat_until("tcp.tcp.downstream_cx_total", |count| count == 1, PATIENCE).await.unwrap();
        assert!(envoy.resident_memory().unwrap() > 10_000_000);
        assert!(envoy.cpu_time().unwrap() > Duration::ZERO);
        assert_eq!(backend.record().total(), 2);
    }
}

#[tokio::test]
async fn upstream_may_be_http2_over_tls() {
    let certificate = Certificate::generate().unwrap();
    let options = Options { certificate: Some(certificate.clone()), ..Options::default() };
    let backend = Backend::start_with(&options).unwrap();
    let cluster = Cluster::new("backend", &[backend.address()]).http2().tls(upstream_tls(&certificate));
    let envoy = start(EnvoyVersion::NEWEST, cluster).await.unwrap();
    assert_eq!(body(envoy.listener("http").await.unwrap(), "/bytes/5").await.unwrap(), "eeeee");
    envoy.stat_until("cluster.backend.upstream_cx_http2_total", |count| count == 1, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_refused_bootstrap_is_reported_with_the_log() {
    let wrong = Bootstrap::new("wrong").listener(HttpListener::new("http").route("/", "missing")).into_json();
    let error = Start::new(EnvoyVersion::NEWEST).run(wrong).await.unwrap_err();
    assert!(format!("{error:#}").contains("unknown cluster 'missing'"), "{error:#}");
}

#[tokio::test]
async fn an_envoy_ends_with_its_value() {
    let backend = Backend::start().unwrap();
    let mut envoy = start(EnvoyVersion::NEWEST, Cluster::new("backend", &[backend.address()])).await.unwrap();
    let (address, folder) = (envoy.listener("http").await.unwrap(), envoy.folder());
    envoy.process().pause().unwrap();
    drop(envoy);
    assert!(get(address, "/").await.is_err());
    assert!(!folder.exists());
}
