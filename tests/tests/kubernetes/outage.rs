//! The API server dies, forgets, or comes late, and requests pass all the time.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::kubernetes::{ApiServer, CONTROL_PLANE_ACCOUNT};
use evenkeel_tests::network;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::bed::Bed;
use super::cluster::{Cluster, RESOURCE};
use super::gateway::Gateway;

/// The control plane has an API server of its own, so that the cluster goes on when that one fails.
async fn bed_with_another_api_server() -> Result<(Bed, ApiServer)> {
    let cluster = Cluster::start().await?;
    let api_server = cluster.kubernetes.another_api_server().await?;
    let kubeconfig = cluster.kubeconfig_at(&api_server).await?;
    Ok((Bed::start_with(EnvoyVersion::NEWEST, cluster, &kubeconfig).await?, api_server))
}

#[test]
fn what_changes_while_the_api_server_is_gone_arrives_when_it_is_back() -> Result<()> {
    network::isolated(|| async {
        let (mut bed, mut api_server) = bed_with_another_api_server().await?;
        let hosts = bed.gateway.hosts().await?;
        api_server.kill()?;
        bed.cluster.pods.scale(1).await?;
        bed.cluster.pods.scale(4).await?;
        // The outage is the subject: nothing that could be waited for happens in it.
        sleep(Duration::from_secs(30)).await;
        bed.requests_pass().await?;
        ensure!(bed.gateway.hosts().await? == hosts && bed.control_plane.readiness().await?.0);
        api_server.restart().await?;
        bed.settle().await?;
        bed.end().await
    })
}

/// The history is compacted, and the API server that comes back does not have it in memory: `410 Gone`.
#[test]
fn an_expired_watch_is_replaced_by_a_list() -> Result<()> {
    network::isolated(|| async {
        let (mut bed, mut api_server) = bed_with_another_api_server().await?;
        api_server.kill()?;
        bed.cluster.pods.scale(1).await?;
        bed.cluster.pods.scale(3).await?;
        bed.cluster.kubernetes.compact().await?;
        let lists = |api_server: &ApiServer| -> Result<usize> {
            let requests = api_server.requests_of(CONTROL_PLANE_ACCOUNT)?;
            Ok(requests.iter().filter(|one| one.verb == "list" && one.resource == "endpointslices").count())
        };
        let before = lists(&api_server)?;
        api_server.restart().await?;
        bed.settle().await?;
        ensure!(lists(&api_server)? > before, "{:?}", api_server.requests_of(CONTROL_PLANE_ACCOUNT)?);
        bed.end().await
    })
}

#[test]
fn nothing_is_served_before_the_api_server_is_there() -> Result<()> {
    network::isolated(|| async {
        let mut cluster = Cluster::start().await?;
        let kubeconfig = cluster.kubeconfig().await?;
        cluster.kubernetes.api_server.kill()?;
        let mut control_plane = ControlPlane::launch_in_cluster(&kubeconfig, &[]).await?;
        let (ready, reason) = control_plane.readiness().await?;
        ensure!(!ready && reason.contains("source"), "{reason}");
        // UNAVAILABLE
        ensure!(status_of_a_stream(&control_plane).await? == "14");
        cluster.kubernetes.api_server.restart().await?;
        control_plane.becomes_ready().await?;
        let gateway = Gateway::start(EnvoyVersion::NEWEST, control_plane.xds(), RESOURCE).await?;
        gateway.hosts_become(&cluster.pods.addresses()).await
    })
}

/// The gRPC status with which a stream ends that asks for nothing.
async fn status_of_a_stream(control_plane: &ControlPlane) -> Result<String> {
    let io = TokioIo::new(TcpStream::connect(control_plane.xds()).await?);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
    tokio::spawn(connection);
    let uri =
        format!("http://{}/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints", control_plane.xds());
    let request = Request::post(uri).header("content-type", "application/grpc").header("te", "trailers");
    let (head, body) = sender.send_request(request.body(Empty::<Bytes>::new())?).await?.into_parts();
    let body = body.collect().await?;
    // Without messages the status is in the headers.
    let status = body.trailers().unwrap_or(&head.headers).get("grpc-status").context("no grpc-status")?;
    Ok(status.to_str()?.to_owned())
}
