//! Wanting all listeners or clusters.

use crate::xds::testing::{CDS, LDS, SILENCE, SotwClient, World};

#[test]
fn no_names_at_first_are_all_resources() {
    let mut world = World::new(LDS, &["a", "~hidden"]);
    let mut client = SotwClient::having(LDS, &[], &World::new(LDS, &[]));
    assert_eq!(client.takes(&world), ["LDS a"]);
    assert!(client.status(LDS).wildcard);
    client.wants(LDS, &[]);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(LDS, "b", 1);
    assert_eq!(client.takes(&world), ["LDS a b"]);
    world.set(LDS, "~hidden", 2);
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn a_star_is_all_resources() {
    let mut world = World::new(CDS, &["a"]);
    let mut client = SotwClient::new();
    client.wants(CDS, &["*"]);
    assert_eq!(client.takes(&world), ["CDS a"]);
    client.wants(CDS, &["*"]);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(CDS, "b", 1);
    assert_eq!(client.takes(&world), ["CDS a b"]);
}

#[test]
fn the_first_answer_comes_even_if_there_is_nothing_and_only_once() {
    let mut world = World::new(CDS, &[]);
    for names in [&[][..], &["*"]] {
        let mut client = SotwClient::new();
        client.wants(CDS, names);
        assert_eq!(client.takes(&world), ["CDS"]);
        client.wants(CDS, names);
        world.set(LDS, "a", 1);
        assert_eq!(client.takes(&world), SILENCE);
    }
}

#[test]
fn once_a_name_was_given_no_names_are_nothing() {
    for names in [["a"], ["*"]] {
        let mut world = World::new(CDS, &["a", "b"]);
        let mut client = SotwClient::having(CDS, &names, &world);
        client.wants(CDS, &[]);
        assert!(!client.status(CDS).wildcard);
        world.set(CDS, "a", 2);
        assert_eq!(client.takes(&world), SILENCE);
    }
}

#[test]
fn a_name_beside_the_star_may_be_one_that_it_does_not_stand_for() {
    let mut world = World::new(CDS, &["a", "~hidden"]);
    let mut client = SotwClient::having(CDS, &["*"], &world);
    client.wants(CDS, &["*", "~hidden"]);
    assert_eq!(client.takes(&world), ["CDS a ~hidden"]);
    world.set(CDS, "~hidden", 2);
    assert_eq!(client.takes(&world), ["CDS a ~hidden"]);
    client.wants(CDS, &["*"]);
    assert_eq!(client.takes(&world), ["CDS a"], "the client cannot know what remains");
}

#[test]
fn names_instead_of_the_wildcard_leave_it() {
    for wildcard in [&[][..], &["*"]] {
        let mut world = World::new(CDS, &["a", "b"]);
        let mut client = SotwClient::having(CDS, wildcard, &world);
        client.wants(CDS, &["b"]);
        assert_eq!(client.takes(&world), ["CDS b"]);
        world.set(CDS, "a", 2);
        assert_eq!(client.takes(&world), SILENCE);
        client.wants(CDS, &["b", "*"]);
        assert_eq!(client.takes(&world), ["CDS a b"]);
    }
}

#[test]
fn a_wildcard_loses_nothing_when_changes_are_not_remembered() {
    let mut world = World::new(CDS, &["a", "b"]);
    let mut client = SotwClient::having(CDS, &[], &world);
    world.remove(CDS, "a");
    world.set(CDS, "c", 1);
    world.age();
    assert_eq!(client.takes(&world), ["CDS b c"]);
}
