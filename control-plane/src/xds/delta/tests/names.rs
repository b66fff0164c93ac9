//! Names that are added and dropped.

use crate::xds::testing::{DeltaClient, EDS, LDS, RDS, SILENCE, World};

#[test]
fn a_change_of_one_resource_does_not_resend_others_and_many_changes_are_one_response() {
    let mut world = World::new(EDS, &["a", "b", "c"]);
    let mut client = DeltaClient::having(EDS, &["a", "b", "c"], &world);
    world.set(EDS, "b", 2);
    assert_eq!(client.takes(&world), ["EDS b"]);
    world.set(EDS, "a", 2);
    world.set(EDS, "c", 2);
    assert_eq!(client.takes(&world), ["EDS a c"]);
}

#[test]
fn a_name_that_is_subscribed_again_is_sent_again() {
    let world = World::new(LDS, &["a", "b"]);
    let mut client = DeltaClient::having(LDS, &["a", "b", "missing"], &world);
    client.subscribes(LDS, &["a"]);
    assert_eq!(client.takes(&world), ["LDS a"]);
    client.subscribes(LDS, &["missing"]);
    assert_eq!(client.takes(&world), ["LDS -missing"]);
}

#[test]
fn an_unsubscribe_is_met_with_silence() {
    let mut world = World::new(LDS, &["a", "b"]);
    let mut client = DeltaClient::having(LDS, &["a", "b"], &world);
    client.unsubscribes(LDS, &["a"]);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(LDS, "a", 2);
    world.remove(LDS, "a");
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn superfluous_unsubscribes_are_ignored() {
    let mut world = World::new(LDS, &["a"]);
    let mut client = DeltaClient::new();
    client.sends(DeltaClient::request(LDS, &["b"], &["a", "never"]));
    client.subscribes(LDS, &["a"]);
    assert_eq!(client.takes(&world), ["LDS a -b"]);
    client.unsubscribes(LDS, &["a"]);
    client.unsubscribes(LDS, &["a", "never", "*"]);
    assert_eq!(client.takes(&world), SILENCE);
    world.set(LDS, "a", 2);
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn add_remove_add_and_remove_add_remove_before_an_answer_leave_the_last_word() {
    let world = World::new(EDS, &["a"]);
    let mut client = DeltaClient::new();
    client.subscribes(EDS, &["a"]);
    client.unsubscribes(EDS, &["a"]);
    client.subscribes(EDS, &["a"]);
    assert_eq!(client.takes(&world), ["EDS a"]);
    client.unsubscribes(EDS, &["a"]);
    client.subscribes(EDS, &["a"]);
    client.unsubscribes(EDS, &["a"]);
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn a_resource_that_comes_and_goes_and_comes_before_an_answer_is_sent_once() {
    let mut world = World::new(LDS, &["a"]);
    let mut client = DeltaClient::having(LDS, &["a"], &world);
    world.remove(LDS, "a");
    world.set(LDS, "a", 1);
    assert_eq!(client.takes(&world), SILENCE, "it is what it was");
    world.set(LDS, "a", 2);
    world.remove(LDS, "a");
    assert_eq!(client.takes(&world), ["LDS -a"]);
    world.set(LDS, "a", 1);
    world.remove(LDS, "a");
    assert_eq!(client.takes(&world), SILENCE, "nothing is what it was");
}

#[test]
fn a_name_in_both_lists_is_not_subscribed() {
    let world = World::new(EDS, &["a"]);
    let mut client = DeltaClient::new();
    client.sends(DeltaClient::request(EDS, &["a", "*"], &["a", "*"]));
    assert_eq!(client.takes(&world), SILENCE);
    assert_eq!(client.status(EDS).names, 0);
}

#[test]
fn without_a_wildcard_an_empty_first_request_wants_nothing_and_a_star_is_a_name() {
    let mut world = World::new(EDS, &["a"]);
    let mut client = DeltaClient::new();
    client.subscribes(EDS, &[]);
    assert_eq!(client.takes(&world), SILENCE);
    client.subscribes(EDS, &["*"]);
    assert_eq!(client.takes(&world), ["EDS *"]);
    world.set(EDS, "a", 2);
    assert_eq!(client.takes(&world), SILENCE);
    client.subscribes(RDS, &["*"]);
    assert_eq!(client.takes(&world), ["RDS -*"]);
}

#[test]
fn a_pattern_is_a_name_like_others() {
    let world = World::new(LDS, &["a/b"]);
    let mut client = DeltaClient::new();
    client.subscribes(LDS, &["a/*", "xdstp://authority/a/*"]);
    assert_eq!(client.takes(&world), ["LDS -a/* -xdstp://authority/a/*"]);
}

#[test]
fn a_name_given_twice_is_sent_once() {
    let world = World::new(EDS, &["a"]);
    let mut client = DeltaClient::new();
    client.subscribes(EDS, &["a", "a"]);
    assert_eq!(client.takes(&world), ["EDS a"]);
}

#[test]
fn a_client_that_was_slow_gets_only_the_newest() {
    let mut world = World::new(EDS, &["a", "b"]);
    let mut client = DeltaClient::having(EDS, &["a", "b"], &world);
    (2..5).for_each(|content| world.set(EDS, "a", content));
    assert_eq!(client.takes(&world), ["EDS a"]);
    world.set(EDS, "b", 2);
    world.age();
    assert_eq!(client.takes(&world), ["EDS b"], "although nobody remembers what has changed");
}

#[test]
fn a_large_answer_is_split_and_what_is_gone_comes_with_the_last_part() {
    let mut world = World::new(LDS, &[]);
    for name in ["a", "b", "c"] {
        world.set(LDS, name, 200_000);
    }
    let mut client = DeltaClient::new();
    client.subscribes(LDS, &["a", "b", "c", "0"]);
    assert_eq!(client.takes(&world), ["LDS a b", "LDS c -0"]);
}
