//! A client that comes back with what it has: to the same server, to one that was restarted, to another replica.

use crate::xds::testing::{CDS, DeltaClient, EDS, LDS, SILENCE, World};
use evenkeel_proto::envoy::service::discovery::v3::DeltaDiscoveryRequest;

#[test]
fn what_it_has_is_not_sent_and_what_is_older_is() {
    let mut world = World::new(EDS, &["a", "b"]);
    let mut client = DeltaClient::new();
    let has = [("a", world.version(EDS, "a")), ("b", world.version(EDS, "b"))];
    world.set(EDS, "b", 2);
    client.returns(EDS, &["a", "b"], &has);
    assert_eq!(client.takes(&world), ["EDS b"]);
}

#[test]
fn another_replica_sends_nothing_again() {
    let (one, other) = (World::of_all_types(&["a", "b"]), World::of_all_types(&["b", "a"]));
    for (resource_type, names) in [(EDS, &["a", "b"][..]), (LDS, &["a", "b"]), (CDS, &["*"]), (LDS, &[])] {
        let mut client = DeltaClient::new();
        let has = ["a", "b"].map(|name| (name, one.version(resource_type, name)));
        client.returns(resource_type, names, &has);
        assert_eq!(client.takes(&other), SILENCE, "{resource_type:?} {names:?}");
    }
}

#[test]
fn a_change_after_its_return_is_sent() {
    let mut world = World::new(EDS, &["a"]);
    let mut client = DeltaClient::new();
    client.returns(EDS, &["a"], &[("a", world.version(EDS, "a"))]);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(EDS, "a", 2);
    assert_eq!(client.takes(&world), ["EDS a"]);
}

#[test]
fn endpoints_that_it_has_and_are_gone_become_empty() {
    let before = World::new(EDS, &["a"]);
    let mut client = DeltaClient::new();
    client.returns(EDS, &["a"], &[("a", before.version(EDS, "a"))]);
    assert_eq!(client.takes(&World::new(EDS, &[])), ["EDS a"]);
}

#[test]
fn other_resources_that_it_has_and_are_gone_are_removed_once() {
    let before = World::new(CDS, &["a", "b"]);
    let mut after = World::new(CDS, &["b"]);
    for names in [&["a", "b"][..], &["*"], &[]] {
        let mut client = DeltaClient::new();
        client.returns(CDS, names, &["a", "b"].map(|name| (name, before.version(CDS, name))));
        assert_eq!(client.takes(&after), ["CDS -a"]);
        after.set(CDS, "other", 1);
        after.remove(CDS, "other");
        assert_eq!(client.takes(&after), SILENCE);
    }
}

#[test]
fn what_it_has_is_knowledge_and_no_subscription() {
    let mut world = World::new(LDS, &["a", "b"]);
    let mut client = DeltaClient::new();
    client.returns(LDS, &["b"], &[("a", world.version(LDS, "a"))]);
    world.set(LDS, "a", 2);
    assert_eq!(client.takes(&world), ["LDS b"]);
    world.remove(LDS, "a");
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn versions_of_somebody_else_mean_nothing() {
    let world = World::new(CDS, &["a"]);
    for names in [&["a", "gone"][..], &[]] {
        let mut client = DeltaClient::new();
        client.returns(CDS, names, &[("a", "7".to_owned()), ("gone", "7".to_owned())]);
        assert_eq!(client.takes(&world), ["CDS a -gone"]);
    }
}

#[test]
fn initial_versions_in_a_later_request_are_ignored() {
    let world = World::new(EDS, &["a", "b"]);
    let mut client = DeltaClient::having(EDS, &["a"], &world);
    client.returns(EDS, &["b"], &[("b", world.version(EDS, "b"))]);
    assert_eq!(client.takes(&world), ["EDS b"]);
}

#[test]
fn what_it_has_and_drops_in_the_same_request_is_dropped() {
    let world = World::new(CDS, &["a"]);
    let mut client = DeltaClient::new();
    let initial_resource_versions = [("a".to_owned(), "7".to_owned())].into();
    client.sends(DeltaDiscoveryRequest { initial_resource_versions, ..DeltaClient::request(CDS, &["*"], &["*"]) });
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn a_watch_that_begins_again_without_a_resource_removes_it_once() {
    let mut world = World::new(LDS, &["a", "b"]);
    let mut client = DeltaClient::having(LDS, &[], &world);
    world.remove(LDS, "a");
    world.age();
    assert_eq!(client.takes(&world), ["LDS -a"]);
    world.age();
    assert_eq!(client.takes(&world), SILENCE);
}
