//! Watches: what happens is known, however they are cut off meanwhile.

use crate::api_server::Fault;
use crate::followed::{Followed, api_server, eventually, service, web, web_slice};
use serde_json::json;

#[tokio::test]
async fn changes_are_published() {
    let server = api_server();
    let mut followed = Followed::all(&server);
    followed.wait_for_web(&["10.0.0.1"]).await;
    server.apply("endpointslices", web_slice("a", &["10.0.0.1", "10.0.0.2"]));
    followed.wait_for_web(&["10.0.0.1", "10.0.0.2"]).await;
    server.apply("endpointslices", web_slice("a", &[]));
    followed.wait_for_web(&[]).await;
    server.apply("endpointslices", web_slice("b", &["10.0.0.3"]));
    followed.wait_for_web(&["10.0.0.3"]).await;
    server.delete("services", "default/web");
    followed.wait_for(|cluster| cluster.services.is_empty()).await;
}

#[tokio::test]
async fn a_watch_that_is_cut_off_goes_on_where_it_was_without_a_list() {
    let server = api_server();
    let mut followed = Followed::all(&server);
    followed.wait_for_web(&["10.0.0.1"]).await;
    eventually(|| server.watches("endpointslices") == 1).await;
    for round in 0..5 {
        server.cut();
        server.apply("endpointslices", web_slice("a", &[&format!("10.0.1.{round}")]));
        followed.wait_for_web(&[&format!("10.0.1.{round}")]).await;
    }
    assert_eq!(server.lists("endpointslices"), 1);
    assert!(server.watches("endpointslices") >= 2);
}

#[tokio::test]
async fn what_was_deleted_while_nobody_watched_is_found_when_the_past_is_forgotten() {
    let server = api_server();
    server.apply("endpointslices", web_slice("b", &["10.0.0.2"]));
    server.apply("services", service("default", "doomed"));
    let mut followed = Followed::all(&server);
    followed.wait_for_web(&["10.0.0.1", "10.0.0.2"]).await;
    for plural in ["services", "endpointslices"] {
        server.fault(plural, Some(Fault::Stalled));
    }
    server.cut();
    eventually(|| server.watches("endpointslices") == 2 && server.watches("services") == 2).await;
    server.delete("endpointslices", "default/a");
    server.delete("services", "default/doomed");
    server.forget();
    for plural in ["services", "endpointslices"] {
        server.fault(plural, None);
    }
    let cluster = followed.wait_for(|cluster| cluster.services.len() == 1 && web(cluster) == ["10.0.0.2"]).await;
    assert_eq!(cluster.services.len(), 1);
    assert_eq!(server.lists("endpointslices"), 2);
}

#[tokio::test]
async fn a_watch_whose_version_is_gone_lists_again_however_it_is_told() {
    let server = api_server();
    let mut followed = Followed::all(&server);
    followed.wait_for_web(&["10.0.0.1"]).await;
    server.fault("endpointslices", Some(Fault::GoneAtOnce));
    server.cut();
    eventually(|| server.lists("endpointslices") == 2).await;
    server.apply("endpointslices", web_slice("a", &["10.0.0.2"]));
    followed.wait_for_web(&["10.0.0.2"]).await;
    server.forget();
    server.cut();
    eventually(|| server.lists("endpointslices") == 3).await;
    server.apply("endpointslices", web_slice("a", &["10.0.0.3"]));
    followed.wait_for_web(&["10.0.0.3"]).await;
}

#[tokio::test]
async fn what_is_known_stays_while_the_api_server_refuses() {
    let server = api_server();
    let mut followed = Followed::all(&server);
    followed.wait_for_web(&["10.0.0.1"]).await;
    server.fault("endpointslices", Some(Fault::Forbidden));
    server.cut();
    eventually(|| followed.metric("source_watch_errors_total{kind=\"EndpointSlice\"}") >= 2.0).await;
    let known = followed.wait_for(|_| true).await;
    assert_eq!(web(&known), ["10.0.0.1"]);
    server.apply("endpointslices", web_slice("a", &["10.0.0.2"]));
    server.fault("endpointslices", None);
    followed.wait_for_web(&["10.0.0.2"]).await;
}

#[tokio::test]
async fn a_malformed_slice_is_left_out_and_counted_and_the_others_are_served() {
    let malformed = |name: &str| {
        let mut slice = web_slice(name, &[]);
        slice["endpoints"] = json!({ "addresses": "everywhere" });
        slice
    };
    let server = api_server();
    server.apply("endpointslices", malformed("listed"));
    let mut followed = Followed::all(&server);
    followed.wait_for_web(&["10.0.0.1"]).await;
    server.apply("endpointslices", malformed("watched"));
    server.apply("endpointslices", web_slice("b", &["10.0.0.2", "no address"]));
    followed.wait_for_web(&["10.0.0.1", "10.0.0.2"]).await;
    let malformed = "source_malformed_objects{kind=\"EndpointSlice\"}";
    assert_eq!(followed.metric(malformed), 3.0);
    server.apply("endpointslices", web_slice("listed", &["10.0.0.3"]));
    server.delete("endpointslices", "default/watched");
    followed.wait_for_web(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]).await;
    eventually(|| (followed.metric(malformed) - 1.0).abs() < f64::EPSILON).await;
    assert_eq!(server.lists("endpointslices"), 1);
}

#[tokio::test]
async fn a_burst_of_1000_changes_is_a_few_publishes() {
    let server = api_server();
    let mut followed = Followed::all(&server);
    followed.wait_for_web(&["10.0.0.1"]).await;
    let before = followed.metric("source_publishes_total");
    for number in 0..1000 {
        server.apply("endpointslices", web_slice("a", &[&format!("10.1.{}.{}", number / 250, number % 250)]));
    }
    followed.wait_for_web(&["10.1.3.249"]).await;
    let publishes = followed.metric("source_publishes_total") - before;
    assert!((1.0..=50.0).contains(&publishes), "{publishes}");
}
