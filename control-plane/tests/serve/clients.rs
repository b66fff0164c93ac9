//! What the server knows of its clients.

use crate::client::{Client, TRANSPORTS, Transport};
use crate::server::{GATEWAY, Running};
use evenkeel::xds::TypeStatus;
use evenkeel::xds::server::ClientStatus;
use tokio::task::yield_now;

/// The only client, once this holds for its only type.
async fn only(running: &Running, holds: impl Fn(&TypeStatus) -> bool) -> ClientStatus {
    loop {
        let mut clients = running.clients.statuses();
        if let Some(client) = clients.next().filter(|client| client.types.first().is_some_and(&holds)) {
            assert!(clients.next().is_none() && client.types.len() == 1);
            return client;
        }
        yield_now().await;
    }
}

#[tokio::test]
async fn what_a_client_has_is_known() {
    for transport in TRANSPORTS {
        let running = Running::with_gateway(&["10.0.0.1:80"]).await;
        let mut client = Client::open(running.address, transport).await.unwrap();
        client.subscribe(GATEWAY).await;
        client.response().await.unwrap();
        let sent = only(&running, |status| status.sent.is_some()).await;
        assert_eq!((sent.types[0].acknowledged, sent.types[0].names), (None, 1), "{transport:?}");
        assert_eq!(sent.node.unwrap().id, "test");
        client.accept().await;
        let accepted = only(&running, |status| status.acknowledged.is_some()).await;
        assert_eq!(accepted.types[0].acknowledged, accepted.types[0].sent, "{transport:?}");
        assert!(accepted.types[0].rejected.is_none());
        running.wait_for("xds_convergence_seconds_count", 1.0).await;

        running.set_gateway(&["10.0.0.2:80"]);
        client.response().await.unwrap();
        client.reject().await;
        let rejected = only(&running, |status| status.rejected.is_some()).await;
        assert_eq!(&*rejected.types[0].rejected.as_ref().unwrap().reason, "not to my taste", "{transport:?}");
        assert_eq!(rejected.types[0].acknowledged, accepted.types[0].sent, "{transport:?}");
        assert_ne!(rejected.types[0].sent, accepted.types[0].sent, "{transport:?}");
        assert!((running.metric("xds_convergence_seconds_count") - 1.0).abs() < f64::EPSILON);
        assert!(running.metric("xds_push_time_seconds_count") >= 2.0);
    }
}

#[tokio::test]
async fn clients_are_in_the_order_in_which_they_came() {
    let running = Running::with_gateway(&[]).await;
    let mut open = Vec::new();
    for transport in TRANSPORTS {
        open.push(Client::open(running.address, transport).await.unwrap());
    }
    let came = |running: &Running| running.clients.statuses().map(|client| client.transport).collect::<Vec<_>>();
    assert_eq!(came(&running), ["eds_sotw", "eds_delta", "ads_sotw", "ads_delta"]);
    drop(open.remove(1));
    running.wait_for("xds_streams{", 3.0).await;
    open.push(Client::open(running.address, Transport::EdsDelta).await.unwrap());
    assert_eq!(came(&running), ["eds_sotw", "ads_sotw", "ads_delta", "eds_delta"]);
}
