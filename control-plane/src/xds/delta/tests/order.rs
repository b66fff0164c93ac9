//! What comes first on an aggregated stream.

use crate::xds::ResourceType;
use crate::xds::testing::{CDS, DeltaClient, EDS, LDS, RDS, SILENCE, World};

fn having_all(names: &[&str], world: &World) -> DeltaClient {
    let mut client = DeltaClient::new();
    for resource_type in ResourceType::ALL {
        client.subscribes(resource_type, names);
    }
    client.takes(world);
    client
}

#[test]
fn clusters_come_before_endpoints_before_listeners_before_routes() {
    let world = World::of_all_types(&["a"]);
    let mut client = DeltaClient::new();
    for resource_type in [RDS, LDS, EDS, CDS] {
        client.subscribes(resource_type, &["a"]);
    }
    assert_eq!(client.takes(&world), ["CDS a", "EDS a", "LDS a", "RDS a"]);
}

#[test]
fn what_is_gone_is_said_after_what_is_new_and_first_of_what_refers_to_others() {
    let mut world = World::of_all_types(&["a", "b"]);
    let mut client = having_all(&["a", "b"], &world);
    for resource_type in ResourceType::ALL {
        world.remove(resource_type, "a");
        world.set(resource_type, "b", 2);
    }
    let expected = ["CDS b", "EDS a b", "LDS b", "RDS b", "LDS -a", "RDS -a", "CDS -a"];
    assert_eq!(client.takes(&world), expected);
}

#[test]
fn a_cluster_is_removed_after_the_routes_have_left_it() {
    let mut world = World::of_all_types(&["a", "b"]);
    let mut client = having_all(&["a", "b"], &world);
    world.remove(CDS, "a");
    world.set(CDS, "b", 2);
    world.set(RDS, "a", 2);
    assert_eq!(client.takes(&world), ["CDS b", "EDS b", "RDS a", "CDS -a"]);
}

#[test]
fn the_endpoints_of_a_changed_cluster_come_again_after_it() {
    let mut world = World::of_all_types(&["a", "b"]);
    let mut client = having_all(&["a", "b"], &world);
    world.set(CDS, "a", 2);
    assert_eq!(client.takes(&world), ["CDS a", "EDS a"]);
    assert_eq!(client.takes(&world), SILENCE);
    client.subscribes(CDS, &["b"]);
    assert_eq!(client.takes(&world), ["CDS b", "EDS b"]);
    client.unsubscribes(EDS, &["a"]);
    world.set(CDS, "a", 3);
    assert_eq!(client.takes(&world), ["CDS a"], "they are not subscribed");
    world.set(EDS, "b", 2);
    assert_eq!(client.takes(&world), ["EDS b"], "without a cluster");
}

#[test]
fn a_client_that_comes_back_to_changed_clusters_gets_their_endpoints_and_no_others() {
    let mut world = World::of_all_types(&["a", "b"]);
    let versions = |resource_type| ["a", "b"].map(|name| (name, world.version(resource_type, name)));
    let (clusters, assignments) = (versions(CDS), versions(EDS));
    world.set(CDS, "a", 2);
    let mut client = DeltaClient::new();
    client.returns(CDS, &[], &clusters);
    client.returns(EDS, &["a", "b"], &assignments);
    assert_eq!(client.takes(&world), ["CDS a", "EDS a"]);
}
