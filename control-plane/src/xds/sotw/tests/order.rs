//! What comes first on an aggregated stream.

use crate::xds::testing::{CDS, EDS, LDS, RDS, SILENCE, SotwClient, World};

fn having_all(names: &[&str], world: &World) -> SotwClient {
    let mut client = SotwClient::new();
    for resource_type in [RDS, LDS, EDS, CDS] {
        client.wants(resource_type, names);
    }
    client.takes(world);
    for resource_type in [RDS, LDS, EDS, CDS] {
        client.wants(resource_type, names);
    }
    client
}

#[test]
fn clusters_come_before_endpoints_before_listeners_before_routes() {
    let world = World::of_all_types(&["a"]);
    let mut client = SotwClient::new();
    for resource_type in [RDS, LDS, EDS, CDS] {
        client.wants(resource_type, &["a"]);
    }
    assert_eq!(client.takes(&world), ["CDS a", "EDS a", "LDS a", "RDS a"]);
}

#[test]
fn what_is_gone_is_said_after_what_is_new_and_first_of_what_refers_to_others() {
    let mut world = World::of_all_types(&["a", "b"]);
    let mut client = having_all(&["a", "b"], &world);
    world.remove(CDS, "a");
    world.remove(LDS, "a");
    world.set(RDS, "b", 2);
    assert_eq!(client.takes(&world), ["RDS b", "LDS b", "CDS b"]);
}

#[test]
fn the_endpoints_of_a_changed_cluster_come_again_after_it() {
    let mut world = World::of_all_types(&["a", "b", "c"]);
    let mut client = having_all(&["a", "b"], &world);
    world.set(CDS, "a", 2);
    assert_eq!(client.takes(&world), ["CDS a b", "EDS a"]);
    world.set(EDS, "a", 2);
    world.set(CDS, "c", 2);
    assert_eq!(client.takes(&world), ["EDS a"], "without a cluster");
    world.remove(CDS, "b");
    assert_eq!(client.takes(&world), ["CDS a"], "without a change of what remains");
}

#[test]
fn the_endpoints_of_a_cluster_that_are_not_subscribed_do_not_come() {
    let mut world = World::of_all_types(&["a"]);
    let mut client = SotwClient::having(CDS, &["a"], &world);
    world.set(CDS, "a", 2);
    assert_eq!(client.takes(&world), ["CDS a"]);
    client.wants(EDS, &["other"]);
    assert_eq!(client.takes(&world), ["EDS other"]);
    world.set(CDS, "a", 3);
    assert_eq!(client.takes(&world), ["CDS a"]);
    assert_eq!(client.takes(&world), SILENCE);
}
