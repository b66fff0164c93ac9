//! Clients that take more than their share, or never take what they asked for.

use crate::client::{Client, PATIENCE, Transport, channel};
use crate::server::{GATEWAY, Running, many_endpoints, only_gateway};
use evenkeel::xds::server::Limits;
use evenkeel_proto::CLUSTER_LOAD_ASSIGNMENT;
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryRequest;
use evenkeel_proto::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::Channel;

/// Whether the server closes the connection.
async fn is_closed(mut connection: TcpStream) -> bool {
    let end = async { while !matches!(connection.read(&mut [0; 64]).await, Ok(0) | Err(_)) {} };
    timeout(PATIENCE, end).await.is_ok()
}

#[tokio::test]
async fn a_stream_and_a_connection_on_which_nothing_is_said_are_ended() {
    let impatient = Limits { silence: Duration::from_millis(100), ..Limits::default() };
    let running = Running::with(impatient, &["10.0.0.1:80"]).await;
    let connection = TcpStream::connect(running.address).await.unwrap();
    let mut talking = Client::open(running.address, Transport::AdsDelta).await.unwrap();
    talking.subscribe(GATEWAY).await;
    talking.accepted().await;
    let mut silent = Client::open(running.address, Transport::EdsSotw).await.unwrap();
    assert_eq!(silent.response().await.unwrap_err().code(), Code::DeadlineExceeded);
    assert!(is_closed(connection).await);
    running.set_gateway(&["10.0.0.2:80"]);
    assert_eq!(talking.accepted().await, only_gateway(&["10.0.0.2:80"]));
    assert!((running.metric("xds_streams_ended_total{reason=\"silence\"}") - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn one_stream_too_many_is_told_so_until_there_is_room() {
    let running = Running::with(Limits { streams: 2, ..Limits::default() }, &["10.0.0.1:80"]).await;
    let first = Client::open(running.address, Transport::EdsSotw).await.unwrap();
    let _second = Client::open(running.address, Transport::AdsDelta).await.unwrap();
    let refused = Client::open(running.address, Transport::EdsDelta).await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("--max-streams"), "{refused}");
    drop(first);
    running.wait_for("xds_streams{", 1.0).await;
    assert!(Client::open(running.address, Transport::EdsDelta).await.is_ok());
}

#[tokio::test]
async fn one_connection_too_many_from_an_address_is_closed_until_there_is_room() {
    let running = Running::with(Limits { connections_per_address: 2, ..Limits::default() }, &["10.0.0.1:80"]).await;
    let first = TcpStream::connect(running.address).await.unwrap();
    let _second = Client::open(running.address, Transport::EdsSotw).await.unwrap();
    assert!(is_closed(TcpStream::connect(running.address).await.unwrap()).await);
    assert!((running.metric("xds_connections_refused_total{") - 1.0).abs() < f64::EPSILON);
    drop(first);
    running.wait_for("xds_connections ", 1.0).await;
    assert!(Client::open(running.address, Transport::EdsSotw).await.is_ok());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let impatient = Limits { unread: Duration::from_millis(200), ..Limits::default() };
    let running = Running::with(impatient, &[]).await;
    let narrow = Channel::from_shared(format!("http://{}", running.address)).unwrap();
    let narrow = narrow.initial_stream_window_size(65_535).connect().await.unwrap();
    let mut deaf = Client::open_on(narrow, Transport::EdsSotw).await.unwrap();
    let mut reader = Client::open(running.address, Transport::EdsSotw).await.unwrap();
    deaf.subscribe(GATEWAY).await;
    reader.subscribe(GATEWAY).await;
    for round in 1..=3 {
        running.set([many_endpoints(round)]);
        reader.accepted().await;
    }
    running.wait_for("xds_streams_ended_total{reason=\"unread\"}", 1.0).await;
    running.wait_for("xds_streams{", 1.0).await;
    running.set_gateway(&["10.0.0.2:80"]);
    assert_eq!(reader.accepted().await, only_gateway(&["10.0.0.2:80"]));
}

#[tokio::test]
async fn a_flood_of_requests_holds_up_nobody() {
    let running = Running::with_gateway(&["10.0.0.1:80"]).await;
    let mut flooding = AggregatedDiscoveryServiceClient::new(channel(running.address).await);
    let request = DiscoveryRequest {
        node: Some(Node::default()),
        type_url: CLUSTER_LOAD_ASSIGNMENT.to_owned(),
        resource_names: vec![GATEWAY.to_owned()],
        ..DiscoveryRequest::default()
    };
    let requests = tokio_stream::iter(std::iter::repeat(request));
    let _flood = flooding.stream_aggregated_resources(requests).await.unwrap();
    let mut client = Client::open(running.address, Transport::EdsDelta).await.unwrap();
    client.subscribe(GATEWAY).await;
    client.accepted().await;
    for port in 1..=20 {
        let address = format!("10.0.0.1:{port}");
        running.set_gateway(&[&address]);
        assert_eq!(client.accepted().await, only_gateway(&[&address]));
    }
    assert!(running.metric("xds_requests_total{") > 1000.0);
}
