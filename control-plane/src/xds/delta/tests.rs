use super::super::testing::{decode, names, node, snapshot, version, wrong};
use super::*;
use evenkeel_proto::CLUSTER_LOAD_ASSIGNMENT as URL;
use evenkeel_proto::envoy::service::discovery::v3::DeltaDiscoveryResponse;

const EDS: ResourceType = ResourceType::ClusterLoadAssignment;
const SDS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const SILENCE: Vec<Vec<String>> = Vec::new();

/// A stream and the client at its other end.
struct Client {
    stream: DeltaStream,
    nonce: String,
}

impl Client {
    fn new() -> Self {
        Self { stream: DeltaStream::new(Scope::Single(EDS)), nonce: String::new() }
    }

    fn wanting(wanted: &[&str], snapshot: &Snapshot) -> Self {
        let mut client = Self::new();
        client.subscribe(wanted);
        client.responses(snapshot);
        client
    }

    fn send(&mut self, request: DeltaDiscoveryRequest) -> Verdict {
        self.stream.request(request).unwrap().verdict
    }

    fn subscribe(&mut self, names: &[&str]) {
        self.send(request(names, &[]));
    }

    fn unsubscribe(&mut self, names: &[&str]) {
        self.send(request(&[], names));
    }

    /// The names in each response that is due. None of them removes anything.
    fn responses(&mut self, snapshot: &Snapshot) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        while let Some(response) = self.stream.respond(snapshot) {
            let message: DeltaDiscoveryResponse = decode(&response);
            assert_eq!(message.removed_resources, [""; 0]);
            self.nonce = message.nonce;
            all.push(names(&response.resources).iter().map(ToString::to_string).collect());
        }
        all
    }
}

fn request(subscribe: &[&str], unsubscribe: &[&str]) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        node: node(),
        resource_names_subscribe: subscribe.iter().map(ToString::to_string).collect(),
        resource_names_unsubscribe: unsubscribe.iter().map(ToString::to_string).collect(),
        ..DeltaDiscoveryRequest::default()
    }
}

fn with_versions(subscribe: &[&str], versions: &[(&str, String)]) -> DeltaDiscoveryRequest {
    let initial_resource_versions =
        versions.iter().map(|(name, version)| ((*name).to_owned(), version.clone())).collect();
    DeltaDiscoveryRequest { initial_resource_versions, ..request(subscribe, &[]) }
}

#[test]
fn the_first_request_needs_a_node_and_later_ones_do_not() {
    let mut stream = DeltaStream::new(Scope::Single(EDS));
    let nobody = || DeltaDiscoveryRequest { node: None, ..request(&["a"], &[]) };
    assert_eq!(stream.request(nobody()), Err(Rejected::MissingNode));
    stream.request(request(&["a"], &[])).unwrap();
    stream.request(nobody()).unwrap();
    assert_eq!(stream.node().unwrap().id, "client");
}

#[test]
fn an_aggregated_stream_needs_a_type_and_others_infer_it() {
    let typed = |url: &str| DeltaDiscoveryRequest { type_url: url.to_owned(), ..request(&["a"], &[]) };
    assert_eq!(DeltaStream::new(Scope::Aggregated).request(typed("")), Err(Rejected::MissingTypeUrl));
    assert_eq!(DeltaStream::new(Scope::Single(EDS)).request(typed("")).unwrap().resource_type, Some(EDS));
    let rejected = DeltaStream::new(Scope::Single(EDS)).request(typed(SDS));
    assert_eq!(rejected, Err(Rejected::WrongTypeUrl { expected: URL, actual: SDS.to_owned() }));
}

#[test]
fn an_unknown_type_gets_no_answer_and_the_stream_goes_on() {
    let typed = |url: &str| DeltaDiscoveryRequest { type_url: url.to_owned(), ..request(&["a"], &[]) };
    let mut client = Client { stream: DeltaStream::new(Scope::Aggregated), nonce: String::new() };
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
fn a_change_of_one_resource_does_not_resend_others_and_many_changes_are_one_response() {
    let mut client = Client::wanting(&["a", "b", "c"], &snapshot(1, &[("a", 1), ("b", 1), ("c", 1)]));
    assert_eq!(client.responses(&snapshot(2, &[("a", 1), ("b", 2), ("c", 1)])), [["b"]]);
    assert_eq!(client.responses(&snapshot(3, &[("a", 2), ("b", 2), ("c", 2)])), [["a", "c"]]);
}

#[test]
fn an_ack_is_met_with_silence() {
    let snapshot = snapshot(1, &[("a", 1)]);
    let mut client = Client::wanting(&["a"], &snapshot);
    let response_nonce = client.nonce.clone();
    assert_eq!(client.send(DeltaDiscoveryRequest { response_nonce, ..request(&[], &[]) }), Verdict::Ack);
    assert_eq!(client.responses(&snapshot), SILENCE);
}

#[test]
fn a_rejected_response_is_not_sent_again_until_its_content_changes() {
    let bad = snapshot(1, &[("a", 1)]);
    let mut client = Client::wanting(&["a"], &bad);
    for _ in 0..5 {
        let response_nonce = client.nonce.clone();
        let nack = DeltaDiscoveryRequest { response_nonce, error_detail: wrong(), ..request(&[], &[]) };
        assert_eq!(client.send(nack), Verdict::Nack("wrong".into()));
        assert_eq!(client.responses(&bad), SILENCE);
    }
    assert_eq!(client.responses(&snapshot(2, &[("a", 2)])), [["a"]]);
}

#[test]
fn a_subscription_counts_even_with_a_stale_nonce() {
    let mut client = Client::wanting(&["a"], &snapshot(1, &[("a", 1)]));
    let newer = snapshot(2, &[("a", 2), ("b", 1)]);
    client.responses(&newer);
    client.send(DeltaDiscoveryRequest { response_nonce: "1".into(), ..request(&["b"], &["a"]) });
    assert_eq!(client.responses(&newer), [["b"]]);
    assert_eq!(client.responses(&snapshot(3, &[("a", 3), ("b", 1)])), SILENCE);
}

#[test]
fn a_name_that_is_subscribed_again_is_sent_again() {
    let snapshot = snapshot(1, &[("a", 1), ("b", 1)]);
    let mut client = Client::wanting(&["a", "b"], &snapshot);
    client.subscribe(&["a"]);
    assert_eq!(client.responses(&snapshot), [["a"]]);
}

#[test]
fn superfluous_unsubscribes_are_ignored() {
    let mut client = Client::new();
    client.unsubscribe(&["a"]);
    client.subscribe(&["a"]);
    let first = snapshot(1, &[("a", 1)]);
    assert_eq!(client.responses(&first), [["a"]]);
    client.unsubscribe(&["a"]);
    client.unsubscribe(&["a", "never"]);
    assert_eq!(client.responses(&first), SILENCE);
    assert_eq!(client.responses(&snapshot(2, &[("a", 2)])), SILENCE);
}

#[test]
fn add_remove_add_and_remove_add_remove_before_an_answer_leave_the_last_word() {
    let snapshot = snapshot(1, &[("a", 1)]);
    let mut client = Client::new();
    client.subscribe(&["a"]);
    client.unsubscribe(&["a"]);
    client.subscribe(&["a"]);
    assert_eq!(client.responses(&snapshot), [["a"]]);
    client.unsubscribe(&["a"]);
    client.subscribe(&["a"]);
    client.unsubscribe(&["a"]);
    assert_eq!(client.responses(&snapshot), SILENCE);
}

#[test]
fn a_name_in_both_lists_is_not_subscribed() {
    let mut client = Client::new();
    client.send(request(&["a", "*"], &["a", "*"]));
    assert_eq!(client.responses(&snapshot(1, &[("a", 1)])), SILENCE);
}

#[test]
fn an_empty_first_request_is_not_a_wildcard() {
    let mut client = Client::new();
    client.subscribe(&[]);
    assert_eq!(client.responses(&snapshot(1, &[("a", 1)])), SILENCE);
}

#[test]
fn a_name_given_twice_is_sent_once() {
    let mut client = Client::new();
    client.subscribe(&["a", "a"]);
    assert_eq!(client.responses(&snapshot(1, &[("a", 1)])), [["a"]]);
}

#[test]
fn what_is_missing_is_empty_once_and_sent_when_it_appears_and_emptied_when_it_goes() {
    let mut client = Client::new();
    client.subscribe(&["a"]);
    assert_eq!(client.responses(&snapshot(1, &[])), [["a"]]);
    assert_eq!(client.responses(&snapshot(2, &[("other", 1)])), SILENCE);
    assert_eq!(client.responses(&snapshot(3, &[("a", 1)])), [["a"]]);
    assert_eq!(client.responses(&snapshot(4, &[])), [["a"]]);
    assert_eq!(client.responses(&snapshot(5, &[("other", 1)])), SILENCE);
    assert_eq!(client.responses(&snapshot(6, &[("a", 1)])), [["a"]]);
}

#[test]
fn what_a_returning_client_has_is_not_sent_and_what_is_older_is() {
    let snapshot = snapshot(1, &[("a", 1), ("b", 2)]);
    let older = super::super::testing::snapshot(1, &[("b", 1)]);
    let mut client = Client::new();
    let versions = [("a", version(&snapshot, "a")), ("b", version(&older, "b"))];
    client.send(with_versions(&["a", "b"], &versions));
    assert_eq!(client.responses(&snapshot), [["b"]]);
}

#[test]
fn what_a_returning_client_has_and_is_gone_becomes_empty() {
    let before = snapshot(1, &[("a", 1)]);
    let mut client = Client::new();
    client.send(with_versions(&["a"], &[("a", version(&before, "a"))]));
    assert_eq!(client.responses(&snapshot(1, &[])), [["a"]]);
}

#[test]
fn initial_versions_are_knowledge_and_no_subscription() {
    let before = snapshot(1, &[("a", 1)]);
    let mut client = Client::new();
    client.send(with_versions(&["b"], &[("a", version(&before, "a"))]));
    assert_eq!(client.responses(&snapshot(2, &[("a", 2), ("b", 1)])), [["b"]]);
}

#[test]
fn versions_of_somebody_else_mean_nothing() {
    let mut client = Client::new();
    client.send(with_versions(&["a"], &[("a", "7".to_owned())]));
    assert_eq!(client.responses(&snapshot(1, &[("a", 1)])), [["a"]]);
}

#[test]
fn initial_versions_in_a_later_request_are_ignored() {
    let snapshot = snapshot(1, &[("a", 1), ("b", 1)]);
    let mut client = Client::wanting(&["a"], &snapshot);
    client.send(with_versions(&["b"], &[("b", version(&snapshot, "b"))]));
    assert_eq!(client.responses(&snapshot), [["b"]]);
}

mod model {
    //! Whatever happens in whatever order, in the end the client has what it wants in its newest version.

    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const NAMES: [&str; 4] = ["a", "b", "c", "d"];

    #[derive(Clone, Debug)]
    enum Step {
        Subscribe(usize),
        Unsubscribe(usize),
        /// The content of a name changes; 0 takes it away.
        Change(usize, u32),
        /// The transport takes one response, if one is due; the client accepts it or not.
        Take {
            accepts: bool,
        },
        Reconnect,
    }

    fn step() -> impl Strategy<Value = Step> {
        let name = 0..NAMES.len();
        prop_oneof![
            name.clone().prop_map(Step::Subscribe),
            name.clone().prop_map(Step::Unsubscribe),
            (name, 0u32..4).prop_map(|(name, content)| Step::Change(name, content)),
            any::<bool>().prop_map(|accepts| Step::Take { accepts }),
            Just(Step::Reconnect),
        ]
    }

    /// What the client wants, with the version that it was sent last.
    struct World {
        stream: DeltaStream,
        wanted: BTreeMap<&'static str, Option<String>>,
        content: BTreeMap<&'static str, u32>,
        generation: u64,
    }

    impl World {
        fn new() -> Self {
            let stream = DeltaStream::new(Scope::Single(EDS));
            Self { stream, wanted: BTreeMap::new(), content: BTreeMap::new(), generation: 1 }
        }

        fn snapshot(&self) -> Snapshot {
            let content: Vec<_> = self.content.iter().map(|(name, content)| (*name, *content)).collect();
            snapshot(self.generation, &content)
        }

        fn step(&mut self, step: &Step) {
            match *step {
                Step::Subscribe(name) => {
                    self.wanted.insert(NAMES[name], None);
                    self.stream.request(request(&[NAMES[name]], &[])).unwrap();
                }
                Step::Unsubscribe(name) => {
                    self.wanted.remove(NAMES[name]);
                    self.stream.request(request(&[], &[NAMES[name]])).unwrap();
                }
                Step::Change(name, content) => self.change(NAMES[name], content),
                Step::Take { accepts } => drop(self.take(accepts)),
                Step::Reconnect => self.reconnect(),
            }
        }

        fn change(&mut self, name: &'static str, content: u32) {
            self.generation += 1;
            match content {
                0 => drop(self.content.remove(name)),
                content => drop(self.content.insert(name, content)),
            }
        }

        fn take(&mut self, accepts: bool) -> bool {
            let Some(response) = self.stream.respond(&self.snapshot()) else { return false };
            let message: DeltaDiscoveryResponse = decode(&response);
            assert!(message.removed_resources.is_empty());
            for resource in message.resources {
                let (_, had) = self.wanted.iter_mut().find(|(name, _)| **name == resource.name).expect("not wanted");
                assert_ne!(*had, Some(resource.version.clone()), "{} was sent twice", resource.name);
                *had = Some(resource.version);
            }
            let error_detail = if accepts { None } else { wrong() };
            let answer = DeltaDiscoveryRequest { response_nonce: message.nonce, error_detail, ..request(&[], &[]) };
            self.stream.request(answer).unwrap();
            true
        }

        fn reconnect(&mut self) {
            self.stream = DeltaStream::new(Scope::Single(EDS));
            let names: Vec<&str> = self.wanted.keys().copied().collect();
            let versions: Vec<_> = self.wanted.iter().filter_map(|(name, had)| Some((*name, had.clone()?))).collect();
            self.stream.request(with_versions(&names, &versions)).unwrap();
        }
    }

    proptest! {
        #[test]
        fn no_update_is_lost_and_none_is_sent_twice(steps in prop::collection::vec(step(), 0..60)) {
            let mut world = World::new();
            for step in &steps {
                world.step(step);
            }
            while world.take(true) {}
            let snapshot = world.snapshot();
            for (name, had) in &world.wanted {
                prop_assert_eq!(had, &Some(version(&snapshot, name)));
            }
        }
    }
}
