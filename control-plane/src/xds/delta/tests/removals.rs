//! What is not there, and what is not there any more.

use crate::xds::testing::{CDS, DeltaClient, EDS, LDS, RDS, SILENCE, World};

#[test]
fn missing_endpoints_are_empty_once_and_sent_when_they_appear_and_emptied_when_they_go() {
    let mut world = World::new(EDS, &[]);
    let mut client = DeltaClient::new();
    client.subscribes(EDS, &["a"]);
    assert_eq!(client.takes(&world), ["EDS a"]);
    world.set(EDS, "other", 1);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(EDS, "a", 1);
    assert_eq!(client.takes(&world), ["EDS a"]);
    world.remove(EDS, "a");
    assert_eq!(client.takes(&world), ["EDS a"]);
    world.set(EDS, "other", 2);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(EDS, "a", 1);
    assert_eq!(client.takes(&world), ["EDS a"]);
}

#[test]
fn other_missing_names_are_removed_once_and_sent_when_they_appear_and_removed_when_they_go() {
    for (resource_type, service) in [(CDS, "CDS"), (LDS, "LDS"), (RDS, "RDS")] {
        let mut world = World::new(resource_type, &[]);
        let mut client = DeltaClient::new();
        client.subscribes(resource_type, &["a"]);
        assert_eq!(client.takes(&world), [format!("{service} -a")]);
        world.set(resource_type, "other", 1);
        world.age();
        assert_eq!(client.takes(&world), SILENCE);
        for _ in 0..2 {
            world.set(resource_type, "a", 1);
            assert_eq!(client.takes(&world), [format!("{service} a")]);
            world.remove(resource_type, "a");
            assert_eq!(client.takes(&world), [format!("{service} -a")]);
            world.set(resource_type, "other", 2);
            assert_eq!(client.takes(&world), SILENCE);
        }
    }
}

#[test]
fn what_is_there_and_what_is_not_come_in_one_response() {
    let world = World::new(LDS, &["a"]);
    let mut client = DeltaClient::new();
    client.subscribes(LDS, &["missing", "a"]);
    assert_eq!(client.takes(&world), ["LDS a -missing"]);
}

#[test]
fn a_name_that_is_missing_and_dropped_before_the_answer_is_not_removed() {
    let world = World::new(LDS, &["a"]);
    let mut client = DeltaClient::new();
    client.subscribes(LDS, &["missing"]);
    client.unsubscribes(LDS, &["missing"]);
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn a_removal_is_not_said_if_the_resource_is_back_before_its_turn() {
    let mut world = World::of_all_types(&["a", "b"]);
    let mut client = DeltaClient::having(CDS, &["a", "b"], &world);
    client.subscribes(RDS, &["a"]);
    world.remove(CDS, "a");
    assert_eq!(client.takes_one(&world).unwrap(), "RDS a");
    world.set(CDS, "a", 1);
    assert_eq!(client.takes(&world), SILENCE);
    world.remove(CDS, "a");
    world.set(RDS, "a", 2);
    assert_eq!(client.takes_one(&world).unwrap(), "RDS a");
    world.set(CDS, "a", 2);
    assert_eq!(client.takes(&world), ["CDS a"]);
}

#[test]
fn what_was_rejected_is_removed_as_well() {
    let mut world = World::new(LDS, &["a"]);
    let mut client = DeltaClient::new();
    client.subscribes(LDS, &["a"]);
    client.takes(&world);
    client.rejects(LDS);
    world.remove(LDS, "a");
    assert_eq!(client.takes(&world), ["LDS -a"]);
}
