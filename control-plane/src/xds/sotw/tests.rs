use super::super::testing::{decode, names, node, snapshot, version, wrong};
use super::*;
use evenkeel_proto::CLUSTER_LOAD_ASSIGNMENT as URL;
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryResponse;

const EDS: ResourceType = ResourceType::ClusterLoadAssignment;
const SDS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

/// A stream and the client at its other end.
struct Client {
    stream: SotwStream,
    nonce: String,
}

impl Client {
    fn new() -> Self {
        Self { stream: SotwStream::new(Scope::Single(EDS)), nonce: String::new() }
    }

    fn wanting(wanted: &[&str], snapshot: &Snapshot) -> Self {
        let mut client = Self::new();
        client.send(request(wanted, ""));
        client.responses(snapshot);
        client
    }

    fn send(&mut self, request: DiscoveryRequest) -> Verdict {
        self.stream.request(request).unwrap().verdict
    }

    /// Accepts the last response and wants these names.
    fn accept(&mut self, wanted: &[&str]) -> Verdict {
        self.send(request(wanted, &self.nonce.clone()))
    }

    fn reject(&mut self, wanted: &[&str]) -> Verdict {
        let request = request(wanted, &self.nonce);
        self.send(DiscoveryRequest { error_detail: wrong(), ..request })
    }

    /// The names in each response that is due.
    fn responses(&mut self, snapshot: &Snapshot) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        while let Some(response) = self.stream.respond(snapshot) {
            self.nonce = decode::<DiscoveryResponse>(&response).nonce;
            all.push(names(&response.resources).iter().map(ToString::to_string).collect());
        }
        all
    }
}

fn request(names: &[&str], nonce: &str) -> DiscoveryRequest {
    DiscoveryRequest {
        node: node(),
        resource_names: names.iter().map(ToString::to_string).collect(),
        response_nonce: nonce.to_owned(),
        ..DiscoveryRequest::default()
    }
}

fn typed(type_url: &str) -> DiscoveryRequest {
    DiscoveryRequest { type_url: type_url.to_owned(), ..request(&["a"], "") }
}

const SILENCE: Vec<Vec<String>> = Vec::new();

#[test]
fn the_first_request_needs_a_node_and_later_ones_do_not() {
    let mut stream = SotwStream::new(Scope::Single(EDS));
    let nobody = || DiscoveryRequest { node: None, ..request(&["a"], "") };
    assert_eq!(stream.request(nobody()), Err(Rejected::MissingNode));
    stream.request(request(&["a"], "")).unwrap();
    stream.request(nobody()).unwrap();
    assert_eq!(stream.node().unwrap().id, "client");
}

#[test]
fn an_aggregated_stream_needs_a_type_and_others_infer_it() {
    assert_eq!(SotwStream::new(Scope::Aggregated).request(typed("")), Err(Rejected::MissingTypeUrl));
    let inferred = SotwStream::new(Scope::Single(EDS)).request(typed("")).unwrap();
    assert_eq!(inferred.resource_type, Some(EDS));
    let rejected = SotwStream::new(Scope::Single(EDS)).request(typed(SDS));
    assert_eq!(rejected, Err(Rejected::WrongTypeUrl { expected: URL, actual: SDS.to_owned() }));
}

#[test]
fn an_unknown_type_gets_no_answer_and_the_stream_goes_on() {
    let mut client = Client { stream: SotwStream::new(Scope::Aggregated), nonce: String::new() };
    assert_eq!(client.stream.request(typed(SDS)).unwrap().resource_type, None);
    assert_eq!(client.responses(&snapshot(1, &[("a", 1)])), SILENCE);
    client.send(typed(URL));
    assert_eq!(client.responses(&snapshot(1, &[("a", 1)])), [["a"]]);
}

#[test]
fn nonces_increase_by_one() {
    let mut client = Client::wanting(&["a"], &snapshot(1, &[("a", 1)]));
    assert_eq!(client.nonce, "1");
    client.responses(&snapshot(2, &[("a", 2)]));
    assert_eq!(client.nonce, "2");
}

#[test]
fn a_stale_nonce_is_ignored_and_the_next_fresh_one_honoured() {
    let mut client = Client::wanting(&["a"], &snapshot(1, &[("a", 1)]));
    let newer = snapshot(2, &[("a", 2), ("b", 1)]);
    client.responses(&newer);
    assert_eq!(client.send(request(&["a", "b"], "1")), Verdict::Stale);
    assert_eq!(client.responses(&newer), SILENCE);
    assert_eq!(client.accept(&["a", "b"]), Verdict::Ack);
    assert_eq!(client.responses(&newer), [["b"]]);
}

#[test]
fn an_ack_with_the_same_names_in_any_order_is_met_with_silence() {
    let snapshot = snapshot(1, &[("a", 1), ("b", 1)]);
    let mut client = Client::wanting(&["a", "b"], &snapshot);
    for order in [["a", "b"], ["b", "a"]] {
        assert_eq!(client.accept(&order), Verdict::Ack);
        assert_eq!(client.responses(&snapshot), SILENCE);
    }
}

#[test]
fn a_rejected_response_is_not_sent_again_until_its_content_changes() {
    let bad = snapshot(1, &[("a", 1)]);
    let mut client = Client::wanting(&["a"], &bad);
    for _ in 0..5 {
        assert_eq!(client.reject(&["a"]), Verdict::Nack("wrong".into()));
        assert_eq!(client.responses(&bad), SILENCE);
        assert_eq!(client.responses(&snapshot(2, &[("a", 1), ("other", 1)])), SILENCE);
    }
    assert_eq!(client.responses(&snapshot(3, &[("a", 2)])), [["a"]]);
}

#[test]
fn a_rejection_that_changes_names_changes_the_subscription() {
    let snapshot = snapshot(1, &[("a", 1), ("b", 1)]);
    let mut client = Client::wanting(&["a"], &snapshot);
    client.reject(&["a", "b"]);
    assert_eq!(client.responses(&snapshot), [["b"]]);
}

#[test]
fn a_client_that_comes_back_with_an_old_nonce_and_version_is_answered() {
    let mut client = Client::new();
    let version_info = "0123456789abcdef".to_owned();
    let back = DiscoveryRequest { version_info, ..request(&["a"], "17") };
    assert_eq!(client.send(back), Verdict::None);
    assert_eq!(client.responses(&snapshot(1, &[("a", 1)])), [["a"]]);
}

#[test]
fn an_added_name_brings_only_its_resource_even_at_an_old_version() {
    let snapshot = snapshot(1, &[("a", 1), ("b", 1)]);
    let mut client = Client::wanting(&["a"], &snapshot);
    client.accept(&["a", "b"]);
    assert_eq!(client.responses(&snapshot), [["b"]]);
}

#[test]
fn a_dropped_name_brings_nothing_and_is_sent_again_when_it_comes_back() {
    let snapshot = snapshot(1, &[("a", 1), ("b", 1)]);
    let mut client = Client::wanting(&["a", "b"], &snapshot);
    client.accept(&["a"]);
    assert_eq!(client.responses(&snapshot), SILENCE);
    client.accept(&["a", "b"]);
    assert_eq!(client.responses(&snapshot), [["b"]]);
}

#[test]
fn an_empty_list_is_a_subscription_to_nothing() {
    let mut client = Client::new();
    client.send(request(&[], ""));
    assert_eq!(client.responses(&snapshot(1, &[("a", 1)])), SILENCE);
    let mut client = Client::wanting(&["a"], &snapshot(1, &[("a", 1)]));
    client.accept(&[]);
    assert_eq!(client.responses(&snapshot(2, &[("a", 2), ("b", 1)])), SILENCE);
}

#[test]
fn a_change_for_an_abandoned_name_is_dropped() {
    let mut client = Client::wanting(&["a", "b"], &snapshot(1, &[("a", 1), ("b", 1)]));
    client.accept(&["b"]);
    assert_eq!(client.responses(&snapshot(2, &[("a", 2), ("b", 1)])), SILENCE);
}

#[test]
fn what_is_missing_is_empty_at_once_and_sent_when_it_appears_and_emptied_when_it_goes() {
    let mut client = Client::new();
    client.send(request(&["a"], ""));
    assert_eq!(client.responses(&snapshot(1, &[])), [["a"]]);
    assert_eq!(client.responses(&snapshot(2, &[("other", 1)])), SILENCE);
    assert_eq!(client.responses(&snapshot(3, &[("a", 1)])), [["a"]]);
    assert_eq!(client.responses(&snapshot(4, &[])), [["a"]]);
}

#[test]
fn a_client_that_was_slow_gets_only_the_newest() {
    let mut client = Client::wanting(&["a"], &snapshot(1, &[("a", 1)]));
    // Generations 2 and 3 came and went while the transport was busy.
    assert_eq!(client.responses(&snapshot(4, &[("a", 4)])), [["a"]]);
    assert_eq!(client.responses(&snapshot(5, &[("a", 4)])), SILENCE);
}

#[test]
fn the_version_of_one_name_is_that_of_its_resource() {
    let snapshot = snapshot(1, &[("a", 1)]);
    let mut client = Client::new();
    client.send(request(&["a"], ""));
    let response: DiscoveryResponse = decode(&client.stream.respond(&snapshot).unwrap());
    assert_eq!(response.version_info, version(&snapshot, "a"));
}
