//! Health and reflection.

use crate::client::{PATIENCE, channel};
use crate::server::Running;
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};
use tonic_reflection::pb::v1alpha;

const ADS: &str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
const EDS: &str = "envoy.service.endpoint.v3.EndpointDiscoveryService";

fn asking(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

async fn next(statuses: &mut Streaming<HealthCheckResponse>) -> Option<ServingStatus> {
    let answer = timeout(PATIENCE, statuses.message()).await.unwrap().ok()?;
    answer.map(|answer| answer.status())
}

#[tokio::test]
async fn health_follows_readiness() {
    let running = Running::with_gateway(&[]).await;
    let mut health = HealthClient::new(channel(running.address).await);
    let mut watched = health.watch(asking("")).await.unwrap().into_inner();
    assert_eq!(next(&mut watched).await, Some(ServingStatus::Serving));
    running.readiness.block("source", "gone");
    assert_eq!(next(&mut watched).await, Some(ServingStatus::NotServing));
    for service in ["", ADS, EDS] {
        let status = health.check(asking(service)).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::NotServing, "{service}");
    }
    running.readiness.clear("source");
    assert_eq!(next(&mut watched).await, Some(ServingStatus::Serving));
    assert_eq!(health.check(asking("nothing.of.ours")).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn watchers_of_health_do_not_hold_up_the_end() {
    let running = Running::with_gateway(&[]).await;
    let mut health = HealthClient::new(channel(running.address).await);
    let mut watched = health.watch(asking(ADS)).await.unwrap().into_inner();
    assert_eq!(next(&mut watched).await, Some(ServingStatus::Serving));
    running.readiness.block("shutdown", "stopping");
    running.shutdown.cancel();
    while next(&mut watched).await.is_some() {}
    timeout(PATIENCE, running.served).await.expect("the server does not end").unwrap();
}

/// A stream of questions that stays open, and its answers.
async fn reflection(running: &Running) -> (mpsc::Sender<ServerReflectionRequest>, Streaming<ServerReflectionResponse>) {
    let (sender, receiver) = mpsc::channel(4);
    let mut client = ServerReflectionClient::new(channel(running.address).await);
    let answers = client.server_reflection_info(ReceiverStream::new(receiver)).await.unwrap();
    (sender, answers.into_inner())
}

fn question(question: MessageRequest) -> ServerReflectionRequest {
    ServerReflectionRequest { host: String::new(), message_request: Some(question) }
}

#[tokio::test]
async fn reflection_tells_of_the_services_that_are_there_and_of_their_messages() {
    let running = Running::with_gateway(&[]).await;
    let (questions, mut answers) = reflection(&running).await;
    questions.send(question(MessageRequest::ListServices(String::new()))).await.unwrap();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: BTreeSet<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    let beside =
        ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];
    assert_eq!(names, [ADS, EDS].into_iter().chain(beside).collect());
    for name in names.into_iter().chain(["envoy.config.endpoint.v3.ClusterLoadAssignment", "google.rpc.Status"]) {
        questions.send(question(MessageRequest::FileContainingSymbol(name.to_owned()))).await.unwrap();
        let answer = answers.message().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::FileDescriptorResponse(file)) = answer else { panic!("{name}: {answer:?}") };
        let symbol = name.rsplit('.').next().unwrap();
        assert!(String::from_utf8_lossy(&file.file_descriptor_proto[0]).contains(symbol), "{name}");
    }
    running.shutdown.cancel();
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Unavailable);
    drop((questions, answers));
    timeout(PATIENCE, running.served).await.expect("the server does not end").unwrap();
}

#[tokio::test]
async fn the_older_reflection_is_there_as_well() {
    let running = Running::with_gateway(&[]).await;
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel(running.address).await);
    let asked = v1alpha::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
    let mut answers = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
}
