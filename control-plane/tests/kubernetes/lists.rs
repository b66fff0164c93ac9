//! Lists: nothing before the first ones, and later ones as a whole.

use crate::api_server::Fault;
use crate::followed::{Followed, api_server, eventually, service, slice, web, web_slice};
use evenkeel::source::kubernetes::Selection;
use serde_json::json;

/// The API server does not have Istio's kinds, so there is nothing to wait for.
fn with_istio(told: &str) -> String {
    format!("{told}; PeerAuthentications: listed; DestinationRules: listed")
}

#[tokio::test]
async fn nothing_is_published_before_every_list_is_complete_and_what_is_missing_is_told() {
    for (plural, told) in [
        ("services", "Services: not listed yet; EndpointSlices: listed; Pods: listed; Nodes: listed"),
        ("endpointslices", "Services: listed; EndpointSlices: not listed yet; Pods: listed; Nodes: listed"),
        ("pods", "Services: listed; EndpointSlices: listed; Pods: not listed yet; Nodes: listed"),
        ("nodes", "Services: listed; EndpointSlices: listed; Pods: listed; Nodes: not listed yet"),
    ] {
        let server = api_server();
        server.fault(plural, Some(Fault::Stalled));
        let mut followed = Followed::all(&server);
        followed.wait_for_progress(&with_istio(told)).await;
        // Changes of what has been listed are no reason either.
        server.apply("endpointslices", web_slice("b", &["10.0.0.2"]));
        assert!(followed.is_unpublished(), "{plural}");
        server.fault(plural, None);
        followed.wait_for_web(&["10.0.0.1", "10.0.0.2"]).await;
    }
}

#[tokio::test]
async fn a_kind_that_is_forbidden_is_named_and_tried_again_until_it_is_allowed() {
    let server = api_server();
    server.fault("endpointslices", Some(Fault::Forbidden));
    let mut followed = Followed::all(&server);
    let told = "Services: listed; EndpointSlices: not listed yet: the API server answers 403: not allowed; grant list and \
                watch; Pods: listed; Nodes: listed";
    followed.wait_for_progress(&with_istio(told)).await;
    assert!(followed.is_unpublished());
    assert!(followed.metric("source_watch_errors_total{kind=\"EndpointSlice\"}") >= 1.0);
    server.fault("endpointslices", None);
    followed.wait_for_web(&["10.0.0.1"]).await;
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_is_complete_with_the_last() {
    let server = api_server();
    for number in 0..1200 {
        server.apply("endpointslices", slice("default", &format!("other-{number}"), "other", &["10.1.0.1"]));
    }
    server.fault("endpointslices", Some(Fault::StalledAfterFirstPage));
    let mut followed = Followed::all(&server);
    eventually(|| server.requests("endpointslices").len() == 2).await;
    assert!(followed.is_unpublished());
    server.fault("endpointslices", None);
    followed.wait_for_web(&["10.0.0.1"]).await;
    let pages = server.requests("endpointslices");
    assert!(pages.iter().all(|page| page.query.contains_key("limit") || page.query.contains_key("watch")));
    assert_eq!(followed.metric("source_objects{kind=\"EndpointSlice\"}"), 1201.0);
}

#[tokio::test]
async fn a_list_that_expires_between_two_pages_is_taken_again() {
    let server = api_server();
    for number in 0..600 {
        server.apply("endpointslices", slice("default", &format!("other-{number}"), "other", &["10.1.0.1"]));
    }
    server.fault("endpointslices", Some(Fault::GoneBetweenPages));
    let mut followed = Followed::all(&server);
    followed.wait_for_web(&["10.0.0.1"]).await;
    assert_eq!(server.lists("endpointslices"), 2);
    assert_eq!(followed.metric("source_objects{kind=\"EndpointSlice\"}"), 601.0);
}

#[tokio::test]
async fn a_list_that_is_taken_again_never_shows_half() {
    let server = api_server();
    for number in 0..600 {
        server.apply("endpointslices", web_slice(&format!("web-{number}"), &["10.0.0.1"]));
    }
    let mut followed = Followed::all(&server);
    followed.wait_for_web(&["10.0.0.1"]).await;
    server.fault("endpointslices", Some(Fault::Stalled));
    server.cut();
    eventually(|| server.watches("endpointslices") == 2).await;
    for number in 0..600 {
        server.apply("endpointslices", web_slice(&format!("web-{number}"), &["10.0.0.2"]));
    }
    server.delete("endpointslices", "default/a");
    server.forget();
    server.fault("endpointslices", Some(Fault::StalledAfterFirstPage));
    eventually(|| {
        server.requests("endpointslices").iter().filter(|page| page.query.contains_key("continue")).count() == 2
    })
    .await;
    // Another kind goes on meanwhile.
    server.apply("services", service("default", "new"));
    let during = followed.wait_for(|cluster| cluster.services.len() == 2).await;
    assert_eq!(web(&during), ["10.0.0.1"]);
    server.fault("endpointslices", None);
    followed.wait_for_web(&["10.0.0.2"]).await;
}

#[tokio::test]
async fn only_the_selected_namespaces_and_services_are_asked_for() {
    let server = api_server();
    server.apply("services", service("other", "web"));
    server.apply("services", service("third", "web"));
    server.apply("nodes", json!({ "metadata": { "name": "node-a" } }));
    let namespaces = vec!["default".to_owned(), "other".to_owned()];
    let selection = Selection { namespaces, selector: Some("app=web".to_owned()), ..Selection::default() };
    let mut followed = Followed::selected(&server, selection);
    let cluster = followed.wait_for(|_| true).await;
    assert_eq!((cluster.services.len(), cluster.nodes.len()), (2, 1));
    assert_eq!(web(&cluster), ["10.0.0.1"]);
    for plural in ["services", "endpointslices", "pods"] {
        let requests = server.requests(plural);
        assert!(requests.iter().all(|request| request.path.contains("/namespaces/")), "{requests:?}");
        let selected = requests.iter().filter(|request| request.query.contains_key("labelSelector")).count();
        assert_eq!(selected, if plural == "services" { requests.len() } else { 0 });
    }
    server.apply("endpointslices", slice("other", "b", "web", &["10.0.0.2"]));
    followed.wait_for(|cluster| cluster.services.iter().all(|service| service.endpoints.len() == 1)).await;
}
