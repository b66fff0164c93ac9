//! What is made for gRPC clients, taken by an Envoy: clusters it can use, listeners it cannot.

use anyhow::{Result, ensure};
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, HttpListener};
use evenkeel_tests::client::{Client, Kind, Load};
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::{http_get, wait};
use http::StatusCode;

use super::greeter::{Greeter, NO_SERVICES, PATIENCE, TARGET, ensure_even};

const LISTENER: &str = "gateway";

/// Envoy with a route to a cluster that only the control plane knows.
async fn gateway(control_plane: &ControlPlane, api_type: &str, discovered: &[&str]) -> Result<Envoy> {
    let listener = HttpListener::new(LISTENER).route("/", TARGET).clusters_come_later();
    let bootstrap = Bootstrap::new("proxy").listener(listener);
    let bootstrap = bootstrap.cluster(Cluster::control_plane("control-plane", &[control_plane.xds()]));
    let bootstrap = bootstrap.ads(api_type, "control-plane").discovered(discovered);
    Start::new(EnvoyVersion::V1_40).log_level("info").run(bootstrap.into_json()).await
}

async fn status_becomes(envoy: &Envoy, status: StatusCode) -> Result<()> {
    let address = envoy.listener(LISTENER).await?;
    let seen = async || Ok(http_get::get(address, "/").await?.0);
    wait::until("the status", PATIENCE, seen, |seen| *seen == status).await.map(drop)
}

async fn clusters_are_taken_balanced_over_and_dropped(api_type: &str) -> Result<()> {
    let greeter = Greeter::start()?;
    let control_plane = ControlPlane::start(&greeter.cluster_file(0..2)).await?;
    let envoy = gateway(&control_plane, api_type, &["cds_config"]).await?;
    let address = envoy.listener(LISTENER).await?;
    // Without waiting: the cluster and its endpoints are there when Envoy is LIVE. The backends take gRPC by HTTP/2 only.
    for (client, kind) in [(Client::GoHttp1, Kind::Get), (Client::GrpcGo, Kind::Unary)] {
        let before = greeter.served();
        let outcome = client.run(&Load::new(address, kind, 200, 4)).await?;
        ensure!(outcome.failed == 0, "{outcome:?}\n{}", envoy.log_tail());
        let shares: Vec<u64> = greeter.served().iter().zip(before).map(|(now, before)| now - before).collect();
        ensure_even(&shares[..2])?;
    }
    control_plane.edit(NO_SERVICES)?;
    status_becomes(&envoy, StatusCode::SERVICE_UNAVAILABLE).await?;
    envoy.stat_until("cluster_manager.active_clusters", |clusters| clusters == 1, PATIENCE).await?;
    control_plane.edit(&greeter.cluster_file(2..5))?;
    status_becomes(&envoy, StatusCode::OK).await?;
    for stat in ["cluster_manager.cds.update_rejected", "cluster_manager.cds.init_fetch_timeout"] {
        ensure!(envoy.stat(stat).await? == 0, "{stat}\n{}", envoy.log_tail());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_are_taken_by_state_of_the_world() -> Result<()> {
    clusters_are_taken_balanced_over_and_dropped("GRPC").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_are_taken_by_delta() -> Result<()> {
    clusters_are_taken_balanced_over_and_dropped("DELTA_GRPC").await
}

/// They are for channels. An Envoy whose `lds_config` asks for them all takes none, says so, and goes on.
async fn listeners_do_no_harm(api_type: &str) -> Result<()> {
    let greeter = Greeter::start()?;
    let control_plane = ControlPlane::start(&greeter.cluster_file(0..2)).await?;
    let envoy = gateway(&control_plane, api_type, &["cds_config", "lds_config"]).await?;
    status_becomes(&envoy, StatusCode::OK).await?;
    envoy.log_until("only one ApiListener is allowed", PATIENCE).await?;
    ensure!(envoy.stat("listener_manager.lds.update_rejected").await? == 0, "{}", envoy.log_tail());
    ensure!(envoy.stat("listener_manager.total_listeners_active").await? == 1, "{}", envoy.log_tail());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_do_no_harm_by_state_of_the_world() -> Result<()> {
    listeners_do_no_harm("GRPC").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_do_no_harm_by_delta() -> Result<()> {
    listeners_do_no_harm("DELTA_GRPC").await
}
