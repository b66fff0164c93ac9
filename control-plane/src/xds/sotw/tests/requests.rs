//! Whether a request is taken.

use crate::xds::testing::{EDS, LDS, SILENCE, SotwClient, World};
use crate::xds::{DiscoveryStream, Rejected, Scope, SotwStream};
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryRequest;

const SDS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

fn typed(type_url: &str) -> DiscoveryRequest {
    DiscoveryRequest { type_url: type_url.to_owned(), ..SotwClient::new().request(EDS, &["a"]) }
}

#[test]
fn the_first_request_needs_a_node_and_later_ones_do_not() {
    let mut stream = SotwStream::new(Scope::Single(EDS));
    let nobody = || DiscoveryRequest { node: None, ..typed("") };
    assert_eq!(stream.request(nobody()), Err(Rejected::MissingNode));
    stream.request(typed("")).unwrap();
    stream.request(nobody()).unwrap();
    assert_eq!(stream.node().unwrap().id, "client");
}

#[test]
fn an_aggregated_stream_needs_a_type_and_others_infer_it() {
    assert_eq!(SotwStream::new(Scope::Aggregated).request(typed("")), Err(Rejected::MissingTypeUrl));
    assert_eq!(SotwStream::new(Scope::Single(EDS)).request(typed("")).unwrap().resource_type, Some(EDS));
    let rejected = SotwStream::new(Scope::Single(EDS)).request(typed(SDS));
    assert_eq!(rejected, Err(Rejected::WrongTypeUrl { expected: EDS.url(), actual: SDS.to_owned() }));
}

#[test]
fn an_unknown_type_gets_no_answer_and_the_stream_goes_on() {
    let mut client = SotwClient::new();
    assert_eq!(client.stream.request(typed(SDS)).unwrap().resource_type, None);
    let world = World::new(EDS, &["a"]);
    assert_eq!(client.takes(&world), SILENCE);
    client.wants(EDS, &["a"]);
    assert_eq!(client.takes(&world), ["EDS a"]);
}

#[test]
fn nonces_are_unique_across_types() {
    let world = World::of_all_types(&["a"]);
    let mut client = SotwClient::new();
    client.wants(EDS, &["a"]);
    client.wants(LDS, &["a"]);
    // The client checks that they increase by one.
    assert_eq!(client.takes(&world), ["EDS a", "LDS a"]);
    assert_eq!(client.request(EDS, &[]).response_nonce, "1");
    assert_eq!(client.request(LDS, &[]).response_nonce, "2");
}

#[test]
fn later_requests_supersede_earlier_ones_that_were_not_answered() {
    let world = World::new(EDS, &["a", "b", "c"]);
    let mut client = SotwClient::new();
    for names in [["a"], ["b"], ["c"]] {
        drop(client.wants(EDS, &names));
    }
    assert_eq!(client.takes(&world), ["EDS c"]);
}

#[test]
fn two_streams_that_fail_do_not_harm_each_other() {
    let world = World::new(EDS, &["a"]);
    let (mut one, mut two) = (SotwClient::new(), SotwClient::new());
    let mut other = SotwClient::having(EDS, &["a"], &world);
    assert!(one.stream.request(typed("")).is_err() && two.stream.request(typed("")).is_err());
    assert_eq!(other.takes(&world), SILENCE);
    other.wants(EDS, &[]);
    other.wants(EDS, &["a"]);
    assert_eq!(other.takes(&world), ["EDS a"]);
}
