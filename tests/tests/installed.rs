//! Evenkeel's own parts run in the beds: each way of delivering the filter, each way of getting endpoints.

use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, EndpointSource, Evenkeel, HttpListener, TcpListener};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::extension_config::ExtensionConfig;
use evenkeel_tests::http_get::get;
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::{EnvoyVersion, artifact, wait};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

fn cap(requests: u32) -> Value {
    json!({"inbound": {"maxRequests": requests}})
}

async fn gateway(version: EnvoyVersion, backend: &Backend, evenkeel: &Evenkeel) -> Result<Envoy> {
    let listener = HttpListener::new("gateway").evenkeel(evenkeel).route("/", "backend");
    let cluster = Cluster::new("backend", &[backend.address()]).http2();
    Start::new(version).run(Bootstrap::new("gateway").listener(listener).cluster(cluster).into_json()).await
}

/// How many answers a new connection gives before it says that this was the last one.
async fn answers_of_one_connection(envoy: &Envoy) -> Result<usize> {
    let mut client = RawHttp1::connect(envoy.listener("gateway").await?).await?;
    let mut answers = 1;
    while !client.get("/", &[]).await?.closes_connection() {
        answers += 1;
        anyhow::ensure!(answers < 100, "nobody ends the connection:\n{}", envoy.log_tail());
    }
    client.wait_for_end(PATIENCE).await?;
    Ok(answers)
}

#[tokio::test]
async fn an_inline_filter_caps_requests() {
    let backend = Backend::start().unwrap();
    for version in EnvoyVersion::ALL {
        let evenkeel = Evenkeel::inline(&artifact::wasm().unwrap(), cap(5)).with_request();
        let envoy = gateway(version, &backend, &evenkeel).await.unwrap();
        assert_eq!(answers_of_one_connection(&envoy).await.unwrap(), 5, "Envoy {version}");
    }
}

#[tokio::test]
async fn a_discovered_filter_takes_edits() {
    let backend = Backend::start().unwrap();
    for version in EnvoyVersion::ALL {
        let files = ExtensionConfig::new(&artifact::wasm().unwrap(), &cap(5)).unwrap();
        let evenkeel = Evenkeel::discovered(&files).with_request().with_pool();
        let envoy = gateway(version, &backend, &evenkeel).await.unwrap();
        assert_eq!(answers_of_one_connection(&envoy).await.unwrap(), 5, "Envoy {version}");
        files.edit(&cap(3)).unwrap();
        let answers = async || answers_of_one_connection(&envoy).await;
        wait::until("the edit to act", PATIENCE, answers, |answers| *answers == 3).await.unwrap();
    }
}

#[tokio::test]
async fn endpoints_come_over_every_kind_of_stream() {
    let backend = Backend::start().unwrap();
    let control_plane = ControlPlane::start(&cluster_file(&backend)).await.unwrap();
    for api_type in ["GRPC", "DELTA_GRPC"] {
        let own = EndpointSource::Stream { api_type, cluster: "evenkeel-xds".to_owned() };
        for source in [own, EndpointSource::Aggregated] {
            let bootstrap = Bootstrap::new("client")
                .ads(api_type, "evenkeel-xds")
                .listener(TcpListener::new("tcp", "backend"))
                .cluster(Cluster::control_plane("evenkeel-xds", &[control_plane.xds()]))
                .cluster(Cluster::eds("backend", "pods/default/backend:80", &source));
            let envoy = Start::new(EnvoyVersion::NEWEST).run(bootstrap.into_json()).await.unwrap();
            let (status, _) = get(envoy.listener("tcp").await.unwrap(), "/").await.unwrap();
            assert!(status.is_success(), "{api_type} {source:?}: {}", envoy.log_tail());
        }
    }
}

#[tokio::test]
async fn a_control_plane_comes_back_on_its_ports() {
    let backend = Backend::start().unwrap();
    let mut control_plane = ControlPlane::start(&cluster_file(&backend)).await.unwrap();
    let before = (control_plane.xds(), control_plane.admin());
    control_plane.kill().unwrap();
    assert!(control_plane.readiness().await.is_err());
    control_plane.restart().await.unwrap();
    assert_eq!((control_plane.xds(), control_plane.admin()), before);
    assert!(control_plane.terminate().unwrap().success());
}

fn cluster_file(backend: &Backend) -> String {
    let address = backend.address();
    format!(
        "services:
- name: backend
  ports:
  - name: http
    port: 80
  endpoints:
  - address: {}
    ports: {{http: {}}}
",
        address.ip(),
        address.port()
    )
}
