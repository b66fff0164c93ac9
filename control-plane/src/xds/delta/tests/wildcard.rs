//! Wanting all listeners or clusters.

use crate::xds::testing::{CDS, DeltaClient, LDS, SILENCE, World};

#[test]
fn no_names_at_first_are_all_resources() {
    let mut world = World::new(LDS, &["a", "~hidden"]);
    let mut client = DeltaClient::new();
    client.subscribes(LDS, &[]);
    assert!(client.status(LDS).wildcard);
    assert_eq!(client.takes(&world), ["LDS a"]);
    client.accepts(LDS);
    world.set(LDS, "b", 1);
    assert_eq!(client.takes(&world), ["LDS b"]);
    world.set(LDS, "~hidden", 2);
    assert_eq!(client.takes(&world), SILENCE);
    world.remove(LDS, "a");
    assert_eq!(client.takes(&world), ["LDS -a"]);
    world.set(LDS, "a", 1);
    assert_eq!(client.takes(&world), ["LDS a"]);
}

#[test]
fn a_star_is_all_resources_until_it_is_dropped() {
    let mut world = World::new(CDS, &["a", "b"]);
    let mut client = DeltaClient::having(CDS, &["*"], &world);
    world.set(CDS, "b", 2);
    assert_eq!(client.takes(&world), ["CDS b"]);
    client.unsubscribes(CDS, &["*"]);
    world.set(CDS, "b", 3);
    world.remove(CDS, "a");
    assert_eq!(client.takes(&world), SILENCE);
    client.subscribes(CDS, &["*"]);
    assert_eq!(client.takes(&world), ["CDS b"]);
}

#[test]
fn the_first_answer_comes_even_if_there_is_nothing_and_only_once() {
    for names in [&[][..], &["*"]] {
        let mut world = World::new(CDS, &[]);
        let mut client = DeltaClient::new();
        client.subscribes(CDS, names);
        assert_eq!(client.takes(&world), ["CDS"]);
        client.accepts(CDS);
        world.set(LDS, "a", 1);
        assert_eq!(client.takes(&world), SILENCE);
        world.set(CDS, "a", 1);
        assert_eq!(client.takes(&world), ["CDS a"]);
    }
}

#[test]
fn names_at_first_are_no_wildcard_and_no_names_later_neither() {
    let mut world = World::new(CDS, &["a", "b"]);
    let mut client = DeltaClient::having(CDS, &["a"], &world);
    client.subscribes(CDS, &[]);
    world.set(CDS, "b", 2);
    assert_eq!(client.takes(&world), SILENCE);
    client.unsubscribes(CDS, &["a"]);
    client.subscribes(CDS, &[]);
    assert_eq!(client.takes(&world), SILENCE);
    assert!(!client.status(CDS).wildcard);
}

#[test]
fn names_added_beside_a_wildcard_are_answered_and_do_not_end_it() {
    for wildcard in [&[][..], &["*"]] {
        let mut world = World::new(CDS, &["a", "~hidden"]);
        let mut client = DeltaClient::having(CDS, wildcard, &world);
        client.subscribes(CDS, &["a", "~hidden", "missing"]);
        assert_eq!(client.takes(&world), ["CDS a ~hidden -missing"]);
        world.set(CDS, "b", 1);
        world.set(CDS, "missing", 1);
        assert_eq!(client.takes(&world), ["CDS b missing"]);
    }
}

#[test]
fn without_the_wildcard_what_was_named_remains() {
    for wildcard in [&[][..], &["*"]] {
        let mut world = World::new(CDS, &["a", "b"]);
        let mut client = DeltaClient::having(CDS, wildcard, &world);
        client.subscribes(CDS, &["a"]);
        assert_eq!(client.takes(&world), ["CDS a"]);
        client.unsubscribes(CDS, &["*"]);
        assert_eq!(client.takes(&world), SILENCE);
        world.set(CDS, "a", 2);
        world.set(CDS, "b", 2);
        assert_eq!(client.takes(&world), ["CDS a"]);
        client.subscribes(CDS, &["*"]);
        assert_eq!(client.takes(&world), ["CDS b"]);
    }
}

#[test]
fn a_name_dropped_while_there_is_a_wildcard_is_answered_with_what_remains() {
    let mut world = World::new(CDS, &["a", "~hidden"]);
    let mut client = DeltaClient::having(CDS, &["*"], &world);
    client.subscribes(CDS, &["a", "~hidden", "missing"]);
    client.takes(&world);
    client.unsubscribes(CDS, &["a", "~hidden", "missing"]);
    assert_eq!(client.takes(&world), ["CDS a -missing -~hidden"]);
    client.unsubscribes(CDS, &["a", "~hidden", "missing", "never"]);
    world.set(CDS, "~hidden", 2);
    world.set(CDS, "missing", 1);
    world.set(CDS, "a", 2);
    assert_eq!(client.takes(&world), ["CDS a missing"]);
}

#[test]
fn a_star_in_both_lists_is_a_subscription_to_nothing() {
    let mut world = World::new(CDS, &["a"]);
    let mut client = DeltaClient::new();
    client.sends(DeltaClient::request(CDS, &["*"], &["*"]));
    assert_eq!(client.takes(&world), SILENCE);
    world.set(CDS, "a", 2);
    client.subscribes(CDS, &[]);
    assert_eq!(client.takes(&world), SILENCE);
    client.subscribes(CDS, &["a"]);
    assert_eq!(client.takes(&world), ["CDS a"]);
}

#[test]
fn a_star_instead_of_no_names_is_no_change_and_a_second_one_brings_everything_again() {
    let mut world = World::new(CDS, &["a", "b"]);
    let mut client = DeltaClient::having(CDS, &[], &world);
    client.subscribes(CDS, &["*"]);
    assert_eq!(client.takes(&world), SILENCE);
    world.remove(CDS, "b");
    client.subscribes(CDS, &["*"]);
    assert_eq!(client.takes(&world), ["CDS a -b"]);
}

#[test]
fn a_declined_resource_keeps_a_wildcard_from_nothing_else() {
    let mut world = World::new(CDS, &["a", "b"]);
    world.decline(CDS, "a", "not now");
    let mut client = DeltaClient::having(CDS, &["*"], &world);
    assert_eq!(client.status(CDS).declined, [("a".into(), "not now".into())]);
    world.set(CDS, "a", 1);
    assert_eq!(client.takes(&world), ["CDS a"]);
    world.decline(CDS, "a", "not now");
    assert_eq!(client.takes(&world), SILENCE);
    client.unsubscribes(CDS, &["*"]);
    assert_eq!(client.status(CDS).declined, []);
}
