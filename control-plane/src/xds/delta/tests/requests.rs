//! Whether a request is taken.

use crate::xds::testing::{DeltaClient, EDS, LDS, SILENCE, World};
use crate::xds::{DeltaStream, DiscoveryStream, Rejected, Scope};
use evenkeel_proto::envoy::service::discovery::v3::DeltaDiscoveryRequest;

const SDS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

fn typed(type_url: &str) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest { type_url: type_url.to_owned(), ..DeltaClient::request(EDS, &["a"], &[]) }
}

#[test]
fn the_first_request_needs_a_node_and_later_ones_do_not() {
    let mut stream = DeltaStream::new(Scope::Single(EDS));
    let nobody = || DeltaDiscoveryRequest { node: None, ..typed("") };
    assert_eq!(stream.request(nobody()), Err(Rejected::MissingNode));
    stream.request(typed("")).unwrap();
    stream.request(nobody()).unwrap();
    assert_eq!(stream.node().unwrap().id, "client");
}

#[test]
fn an_aggregated_stream_needs_a_type_and_others_infer_it() {
    assert_eq!(DeltaStream::new(Scope::Aggregated).request(typed("")), Err(Rejected::MissingTypeUrl));
    assert_eq!(DeltaStream::new(Scope::Single(EDS)).request(typed("")).unwrap().resource_type, Some(EDS));
    let rejected = DeltaStream::new(Scope::Single(EDS)).request(typed(SDS));
    assert_eq!(rejected, Err(Rejected::WrongTypeUrl { expected: EDS.url(), actual: SDS.to_owned() }));
}

#[test]
fn an_unknown_type_gets_no_answer_and_the_stream_goes_on() {
    let mut client = DeltaClient::new();
    assert_eq!(client.stream.request(typed(SDS)).unwrap().resource_type, None);
    let world = World::new(EDS, &["a"]);
    assert_eq!(client.takes(&world), SILENCE);
    client.subscribes(EDS, &["a"]);
    assert_eq!(client.takes(&world), ["EDS a"]);
}

#[test]
fn nonces_are_unique_across_types() {
    let world = World::of_all_types(&["a"]);
    let mut client = DeltaClient::new();
    client.subscribes(EDS, &["a"]);
    client.subscribes(LDS, &["a"]);
    // The client checks that they increase by one.
    assert_eq!(client.takes(&world), ["EDS a", "LDS a"]);
}

#[test]
fn requests_that_were_not_answered_yet_are_answered_together() {
    let world = World::new(EDS, &["a", "b", "c"]);
    let mut client = DeltaClient::new();
    for name in ["a", "b", "c"] {
        client.subscribes(EDS, &[name]);
    }
    assert_eq!(client.takes(&world), ["EDS a b c"]);
}
