//! Types of which a response has only what is new: endpoints and routes.

use crate::xds::testing::{EDS, RDS, SILENCE, SotwClient, World, decode};
use crate::xds::{DiscoveryStream, Version};
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryResponse;

#[test]
fn an_added_name_brings_only_its_resource_even_at_an_old_version() {
    let world = World::new(EDS, &["a", "b"]);
    let mut client = SotwClient::having(EDS, &["a"], &world);
    client.wants(EDS, &["a", "b"]);
    assert_eq!(client.takes(&world), ["EDS b"]);
}

#[test]
fn a_dropped_name_brings_nothing_and_is_sent_again_when_it_comes_back() {
    let world = World::new(EDS, &["a", "b"]);
    let mut client = SotwClient::having(EDS, &["a", "b"], &world);
    client.wants(EDS, &["a"]);
    assert_eq!(client.takes(&world), SILENCE);
    client.wants(EDS, &["a", "b"]);
    assert_eq!(client.takes(&world), ["EDS b"]);
}

#[test]
fn an_empty_list_is_a_subscription_to_nothing() {
    for resource_type in [EDS, RDS] {
        let mut world = World::new(resource_type, &["a"]);
        let mut client = SotwClient::new();
        client.wants(resource_type, &[]);
        assert_eq!(client.takes(&world), SILENCE);
        client.wants(resource_type, &["a"]);
        assert_eq!(client.takes(&world).len(), 1);
        client.wants(resource_type, &[]);
        world.set(resource_type, "a", 2);
        world.set(resource_type, "b", 1);
        assert_eq!(client.takes(&world), SILENCE);
    }
}

#[test]
fn a_star_is_a_name_like_others() {
    let mut world = World::new(EDS, &["a"]);
    let mut client = SotwClient::new();
    client.wants(EDS, &["*"]);
    assert_eq!(client.takes(&world), ["EDS *"]);
    world.set(EDS, "a", 2);
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn a_change_of_one_resource_brings_no_other_and_many_changes_are_one_response() {
    let mut world = World::new(RDS, &["a", "b", "c"]);
    let mut client = SotwClient::having(RDS, &["a", "b", "c"], &world);
    world.set(RDS, "b", 2);
    assert_eq!(client.takes(&world), ["RDS b"]);
    world.set(RDS, "a", 2);
    world.set(RDS, "c", 2);
    assert_eq!(client.takes(&world), ["RDS a c"]);
}

#[test]
fn a_change_for_an_abandoned_name_is_dropped() {
    let mut world = World::new(EDS, &["a", "b"]);
    let mut client = SotwClient::having(EDS, &["a", "b"], &world);
    world.set(EDS, "a", 2);
    client.wants(EDS, &["b"]);
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn missing_endpoints_are_empty_at_once_and_sent_when_they_appear_and_emptied_when_they_go() {
    let mut world = World::new(EDS, &[]);
    let mut client = SotwClient::new();
    client.wants(EDS, &["a"]);
    assert_eq!(client.takes(&world), ["EDS a"]);
    world.set(EDS, "other", 1);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(EDS, "a", 1);
    assert_eq!(client.takes(&world), ["EDS a"]);
    world.remove(EDS, "a");
    assert_eq!(client.takes(&world), ["EDS a"]);
}

#[test]
fn missing_routes_are_sent_when_they_appear_and_their_end_is_not_said() {
    let mut world = World::new(RDS, &[]);
    let mut client = SotwClient::new();
    client.wants(RDS, &["a"]);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(RDS, "a", 1);
    assert_eq!(client.takes(&world), ["RDS a"]);
    world.remove(RDS, "a");
    assert_eq!(client.takes(&world), SILENCE);
    world.set(RDS, "a", 1);
    assert_eq!(client.takes(&world), SILENCE, "the client has it still");
    world.remove(RDS, "a");
    assert_eq!(client.takes(&world), SILENCE);
    world.set(RDS, "a", 2);
    assert_eq!(client.takes(&world), ["RDS a"]);
}

#[test]
fn a_client_that_was_slow_gets_only_the_newest() {
    let mut world = World::new(EDS, &["a"]);
    let mut client = SotwClient::having(EDS, &["a"], &world);
    (2..5).for_each(|content| world.set(EDS, "a", content));
    assert_eq!(client.takes(&world), ["EDS a"]);
    assert_eq!(client.status(EDS).sent, Version::parse(&world.version(EDS, "a")));
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn a_client_that_was_slower_than_changes_are_remembered_loses_none() {
    let mut world = World::new(EDS, &["a", "b"]);
    let mut client = SotwClient::having(EDS, &["a", "b"], &world);
    world.set(EDS, "a", 2);
    world.age();
    assert_eq!(client.takes(&world), ["EDS a"]);
}

#[test]
fn a_large_answer_is_split() {
    let mut world = World::new(EDS, &[]);
    for name in ["a", "b", "c"] {
        world.set(EDS, name, 200_000);
    }
    let mut client = SotwClient::new();
    client.wants(EDS, &["a", "b", "c"]);
    assert_eq!(client.takes(&world), ["EDS a b", "EDS c"]);
}

#[test]
fn the_version_of_one_name_is_that_of_its_resource_on_every_replica() {
    let (one, other) = (World::new(EDS, &["a", "b"]), World::new(EDS, &["b", "a"]));
    let version_info = |world: &World, names: &[&str]| {
        let mut client = SotwClient::new();
        client.wants(EDS, names);
        let response: DiscoveryResponse = decode(&client.stream.respond(world.snapshot()).unwrap());
        response.version_info
    };
    assert_eq!(version_info(&one, &["a"]), one.version(EDS, "a"));
    assert_eq!(version_info(&one, &["a", "b"]), version_info(&other, &["b", "a"]));
    assert_ne!(version_info(&one, &["a", "b"]), version_info(&one, &["a", "c"]));
}
