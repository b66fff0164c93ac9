//! What holds for each of the four transports.

use crate::client::{Client, TRANSPORTS, Transport};
use crate::server::{GATEWAY, Running, Settings, only, only_gateway};
use tonic::Code;

const OTHER: &str = "pods/default/other:80";

async fn subscribed(running: &Running, transport: Transport) -> Client {
    let mut client = Client::open(running.address, transport).await.unwrap();
    client.subscribe(GATEWAY).await;
    client
}

#[tokio::test]
async fn endpoints_are_served_and_changes_follow() {
    for transport in TRANSPORTS {
        let running = Running::with_gateway(&["10.0.0.1:80"]).await;
        let mut client = subscribed(&running, transport).await;
        assert_eq!(client.accepted().await, only_gateway(&["10.0.0.1:80"]), "{transport:?}");
        running.set_gateway(&["10.0.0.1:80", "10.0.0.2:81"]);
        assert_eq!(client.accepted().await, only_gateway(&["10.0.0.1:80", "10.0.0.2:81"]), "{transport:?}");
    }
}

#[tokio::test]
async fn no_endpoints_are_an_empty_assignment_and_so_is_no_service() {
    for transport in TRANSPORTS {
        let running = Running::with_gateway(&["10.0.0.1:80"]).await;
        let mut client = subscribed(&running, transport).await;
        client.accepted().await;
        running.set_gateway(&[]);
        assert_eq!(client.accepted().await, only_gateway(&[]), "{transport:?}");
        running.set_gateway(&["10.0.0.3:80"]);
        assert_eq!(client.accepted().await, only_gateway(&["10.0.0.3:80"]), "{transport:?}");
        running.set([]);
        assert_eq!(client.accepted().await, only_gateway(&[]), "{transport:?}");
        client.subscribe("nothing/of/ours").await;
        assert_eq!(client.accepted().await, only("nothing/of/ours", &[]), "{transport:?}");
    }
}

/// That nothing comes is seen by what comes next: a response that the client asks for afterwards is the first to arrive.
#[tokio::test]
async fn a_rejected_response_is_not_sent_again_until_it_changes() {
    for transport in TRANSPORTS {
        let running = Running::with_gateway(&["10.0.0.1:80"]).await;
        let mut client = subscribed(&running, transport).await;
        client.response().await.unwrap();
        client.reject().await;
        client.subscribe(OTHER).await;
        assert_eq!(client.accepted().await, only(OTHER, &[]), "{transport:?}");
        assert!((running.metric("xds_rejects_total") - 1.0).abs() < f64::EPSILON, "{transport:?}");
        running.set_gateway(&["10.0.0.2:80"]);
        assert_eq!(client.accepted().await, only_gateway(&["10.0.0.2:80"]), "{transport:?}");
    }
}

#[tokio::test]
async fn another_replica_sends_delta_clients_only_what_they_do_not_have() {
    for transport in TRANSPORTS {
        let first = Running::with_gateway(&["10.0.0.1:80"]).await;
        let mut client = subscribed(&first, transport).await;
        client.accepted().await;
        let second = Running::with_gateway(&["10.0.0.1:80"]).await;
        let mut again = Client::open(second.address, transport).await.unwrap();
        again.versions = client.versions;
        again.subscribe(GATEWAY).await;
        if transport.is_delta() {
            again.subscribe(OTHER).await;
            assert_eq!(again.accepted().await, only(OTHER, &[]), "{transport:?}");
        } else {
            assert_eq!(again.accepted().await, only_gateway(&["10.0.0.1:80"]), "{transport:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_knows_nothing_yet_refuses_streams_and_empties_nobody() {
    let running = Running::unsynced(Settings::default());
    for transport in TRANSPORTS {
        let refused = Client::open(running.address, transport).await.err().unwrap();
        assert_eq!(refused.code(), Code::Unavailable, "{transport:?}");
    }
    assert!((running.metric("xds_streams_refused_total") - 4.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_shutdown_ends_streams_with_unavailable_and_closes_the_listener() {
    for transport in TRANSPORTS {
        let running = Running::with_gateway(&["10.0.0.1:80"]).await;
        let mut client = subscribed(&running, transport).await;
        client.accepted().await;
        running.shutdown.cancel();
        assert_eq!(client.response().await.unwrap_err().code(), Code::Unavailable, "{transport:?}");
        drop(client);
        running.served.await.unwrap();
        assert!(tokio::net::TcpStream::connect(running.address).await.is_err(), "{transport:?}");
    }
}
