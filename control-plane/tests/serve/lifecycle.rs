//! Streams that begin, end, stall, and come in large numbers.

use crate::client::{Client, TRANSPORTS, Transport, channel};
use crate::server::{GATEWAY, Running, many_endpoints, only_gateway, only_many_endpoints};
use evenkeel::xds::server::Limits;
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryRequest;
use evenkeel_proto::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use std::time::Duration;
use tonic::{Code, Status};

/// What a stream ends with after this first request.
async fn end_of(running: &Running, first: DiscoveryRequest) -> Status {
    let mut client = AggregatedDiscoveryServiceClient::new(channel(running.address).await);
    let requests = tokio_stream::iter([first]);
    let mut responses = client.stream_aggregated_resources(requests).await.unwrap().into_inner();
    responses.message().await.unwrap_err()
}

#[tokio::test]
async fn requests_that_the_protocol_does_not_allow_end_the_stream_with_a_reason() {
    let running = Running::with_gateway(&[]).await;
    let ended = end_of(&running, DiscoveryRequest::default()).await;
    assert_eq!((ended.code(), ended.message()), (Code::InvalidArgument, "the first request of a stream needs `node`"));
    let node = Some(evenkeel_proto::envoy::config::core::v3::Node::default());
    let ended = end_of(&running, DiscoveryRequest { node, ..DiscoveryRequest::default() }).await;
    assert_eq!(
        (ended.code(), ended.message()),
        (Code::InvalidArgument, "a request on an aggregated stream needs `type_url`")
    );
}

#[tokio::test]
async fn a_stream_that_has_reached_its_age_is_ended_and_the_client_comes_back() {
    let young = Limits { stream_age: Some(Duration::from_millis(50)), ..Limits::default() };
    let running = Running::with(young, &["10.0.0.1:80"]).await;
    for transport in TRANSPORTS {
        let mut client = Client::open(running.address, transport).await.unwrap();
        client.subscribe(GATEWAY).await;
        let mut ended = client.response().await;
        while ended.is_ok() {
            ended = client.response().await;
        }
        assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn streams_that_are_gone_are_forgotten() {
    let running = Running::with_gateway(&["10.0.0.1:80"]).await;
    let mut clients = Vec::new();
    let channel = channel(running.address).await;
    for _ in 0..50 {
        let mut client = Client::open_on(channel.clone(), Transport::AdsSotw).await.unwrap();
        client.subscribe(GATEWAY).await;
        client.accepted().await;
        clients.push(client);
    }
    assert!(running.metric("xds_streams{") >= 50.0);
    assert_eq!(running.clients.statuses().count(), 50);
    drop((clients, channel));
    running.wait_for("xds_streams{", 0.0).await;
    assert_eq!(running.clients.statuses().count(), 0);
    running.wait_for("xds_connections ", 0.0).await;
}

#[tokio::test]
async fn hundreds_of_streams_on_one_connection_all_get_every_change() {
    let running = Running::with_gateway(&["10.0.0.1:80"]).await;
    let channel = channel(running.address).await;
    let mut clients = Vec::new();
    for _ in 0..400 {
        let mut client = Client::open_on(channel.clone(), Transport::EdsSotw).await.unwrap();
        client.subscribe(GATEWAY).await;
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.accepted().await, only_gateway(&["10.0.0.1:80"]));
    }
    running.set_gateway(&["10.0.0.2:80"]);
    for client in &mut clients {
        assert_eq!(client.accepted().await, only_gateway(&["10.0.0.2:80"]));
    }
}

#[tokio::test]
async fn a_slow_client_holds_up_nobody_and_skips_to_the_newest() {
    const ROUNDS: u16 = 40;
    let running = Running::with_gateway(&[]).await;
    running.set([many_endpoints(1)]);
    let mut slow = Client::open(running.address, Transport::EdsSotw).await.unwrap();
    let mut fast = Client::open(running.address, Transport::EdsSotw).await.unwrap();
    slow.subscribe(GATEWAY).await;
    fast.subscribe(GATEWAY).await;
    let last = |number: u16| format!("11.0.0.0:{number}");
    for number in 1..=ROUNDS {
        running.set([many_endpoints(number)]);
        while fast.accepted().await[GATEWAY].last() != Some(&last(number)) {}
    }
    let mut taken = 1;
    while slow.response().await.unwrap()[GATEWAY].last() != Some(&last(ROUNDS)) {
        taken += 1;
    }
    assert!(taken < usize::from(ROUNDS) / 2, "{taken} of {ROUNDS} states were kept for a client that did not read");
}

/// They are cut into frames, which those of other streams come between.
#[tokio::test]
async fn large_responses_arrive_whole_also_on_streams_that_share_a_connection() {
    let running = Running::with_gateway(&[]).await;
    let channel = channel(running.address).await;
    let mut clients = Vec::new();
    for transport in TRANSPORTS.into_iter().chain(TRANSPORTS) {
        let mut client = Client::open_on(channel.clone(), transport).await.unwrap();
        client.subscribe(GATEWAY).await;
        clients.push(client);
    }
    for round in 1..=10 {
        running.set([many_endpoints(round)]);
        for client in &mut clients {
            while client.accepted().await != only_many_endpoints(round) {
                assert_eq!(round, 1, "there was nothing else to be sent");
            }
        }
    }
}
