//! Types of which a response has everything: listeners and clusters.

use crate::xds::testing::{CDS, LDS, SILENCE, SotwClient, World};

#[test]
fn a_change_brings_the_full_set() {
    let mut world = World::new(LDS, &["a", "b"]);
    let mut client = SotwClient::having(LDS, &["a", "b"], &world);
    world.set(LDS, "b", 2);
    assert_eq!(client.takes(&world), ["LDS a b"]);
    world.set(LDS, "other", 1);
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn a_deletion_brings_the_reduced_set_and_the_last_one_an_empty_set() {
    for names in [&["a", "b"][..], &["*"], &[]] {
        let mut world = World::new(CDS, &["a", "b"]);
        let mut client = SotwClient::having(CDS, names, &world);
        world.remove(CDS, "a");
        assert_eq!(client.takes(&world), ["CDS b"]);
        world.remove(CDS, "b");
        assert_eq!(client.takes(&world), ["CDS"]);
        assert_eq!(client.takes(&world), SILENCE);
        world.set(CDS, "b", 1);
        assert_eq!(client.takes(&world), ["CDS b"]);
    }
}

#[test]
fn a_missing_name_is_answered_once_by_the_set_without_it() {
    let mut world = World::new(LDS, &[]);
    let mut client = SotwClient::new();
    client.wants(LDS, &["a"]);
    assert_eq!(client.takes(&world), ["LDS"]);
    client.wants(LDS, &["a"]);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(LDS, "other", 1);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(LDS, "a", 1);
    assert_eq!(client.takes(&world), ["LDS a"]);
}

#[test]
fn an_added_name_brings_all_and_a_dropped_one_nothing() {
    let world = World::new(LDS, &["a", "b"]);
    let mut client = SotwClient::having(LDS, &["a"], &world);
    client.wants(LDS, &["a", "b"]);
    assert_eq!(client.takes(&world), ["LDS a b"]);
    client.wants(LDS, &["b"]);
    assert_eq!(client.takes(&world), SILENCE);
    client.wants(LDS, &["a", "b"]);
    assert_eq!(client.takes(&world), ["LDS a b"]);
}

#[test]
fn a_set_goes_whole_however_large() {
    let mut world = World::new(CDS, &[]);
    for name in ["a", "b", "c"] {
        world.set(CDS, name, 200_000);
    }
    let mut client = SotwClient::new();
    client.wants(CDS, &[]);
    assert_eq!(client.takes(&world), ["CDS a b c"]);
}

#[test]
fn what_is_declined_is_not_in_a_set_and_back_in_it_afterwards() {
    let mut world = World::new(LDS, &["a", "b"]);
    let mut client = SotwClient::having(LDS, &["a", "b"], &world);
    world.decline(LDS, "a", "not now");
    assert_eq!(client.takes(&world), SILENCE, "no set is made for it alone");
    world.set(LDS, "b", 2);
    assert_eq!(client.takes(&world), ["LDS b"]);
    world.set(LDS, "a", 1);
    assert_eq!(client.takes(&world), ["LDS a b"]);
}

#[test]
fn if_all_that_is_asked_for_is_declined_there_is_no_answer() {
    let mut world = World::new(LDS, &[]);
    world.decline(LDS, "a", "not now");
    let mut client = SotwClient::new();
    client.wants(LDS, &["a"]);
    assert_eq!(client.takes(&world), SILENCE);
}
