mod nodes;
mod steer;

use super::*;
use crate::model::{Cluster, Endpoint, Health, Locality, Service, ServiceName, ServicePort, Services, Weight};
use crate::xds::{Lookup, Resource};
use bytes::Bytes;
use evenkeel_proto::envoy::config::core::v3::address::Address::SocketAddress;
use evenkeel_proto::envoy::config::core::v3::socket_address::PortSpecifier::PortValue;
use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use evenkeel_proto::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use evenkeel_proto::google::protobuf::Any;
use proptest::prelude::*;
use prost::Message;
use std::collections::BTreeSet;
use std::sync::Arc;

const NAME: &str = "pods/default/gateway:80";

fn endpoint(address: &str, port: u16) -> Endpoint {
    Endpoint::new(address.parse().unwrap(), Arc::new([("http".to_owned(), port)].into()))
}

fn zone(endpoint: Endpoint, zone: &str) -> Endpoint {
    Endpoint { locality: Arc::new(Locality { zone: zone.into(), ..Locality::default() }), ..endpoint }
}

fn gateway(endpoints: Vec<Endpoint>) -> Service {
    let ports = vec![ServicePort::new("http", 80)];
    Service { ports, endpoints, ..Service::new(ServiceName::new("default", "gateway")) }
}

fn cluster(services: impl IntoIterator<Item = Service>) -> Arc<Cluster> {
    Arc::new(Cluster { services: Services::from_iter(services), ..Cluster::default() })
}

fn views(endpoints: Vec<Endpoint>) -> Views {
    Views::default().next(cluster([gateway(endpoints)])).0
}

fn resource(views: &Views, name: &str) -> Arc<Resource> {
    let Lookup::Found(resource) = views.assignment(name) else { panic!("{name} has an answer") };
    resource
}

fn bytes(views: &Views, name: &str) -> Bytes {
    let resource = resource(views, name);
    let [start, any] = resource.sotw_field();
    assert!(!start.is_empty());
    Any::decode(any.clone()).unwrap().value
}

fn assignment(views: &Views, name: &str) -> ClusterLoadAssignment {
    ClusterLoadAssignment::decode(bytes(views, name)).unwrap()
}

/// Zone, address and port of each endpoint, in order.
fn served(endpoints: Vec<Endpoint>) -> Vec<(String, String, u32)> {
    let assignment = assignment(&views(endpoints), NAME);
    let localities = assignment.endpoints.into_iter();
    localities
        .flat_map(|locality| {
            let zone = locality.locality.unwrap_or_default().zone;
            locality.lb_endpoints.into_iter().map(move |endpoint| {
                let Some(HostIdentifier::Endpoint(endpoint)) = endpoint.host_identifier else { panic!("no endpoint") };
                let Some(SocketAddress(address)) = endpoint.address.unwrap().address else { panic!("no address") };
                let Some(PortValue(port)) = address.port_specifier else { panic!("no port") };
                (zone.clone(), address.address, port)
            })
        })
        .collect()
}

fn every_name(service: &str, port: u16) -> BTreeSet<String> {
    let views = View::ALL.map(|view| ResourceName { view, service: ServiceName::new("default", service), port });
    let outbound = format!("outbound|{port}||{service}.default.svc.cluster.local");
    views.into_iter().map(|name| name.to_string()).chain([outbound]).collect()
}

fn plain(address: &str, port: u32) -> (String, String, u32) {
    (String::new(), address.to_owned(), port)
}

#[test]
fn ready_endpoints_are_served_by_address_and_target_port() {
    let served = served(vec![endpoint("10.0.0.2", 8080), endpoint("fd00::1", 8081)]);
    assert_eq!(served, [plain("10.0.0.2", 8080), plain("fd00::1", 8081)]);
}

#[test]
fn endpoints_that_are_not_ready_are_left_out() {
    let unready = Endpoint { health: Health::NotReady, ..endpoint("10.0.0.1", 80) };
    assert_eq!(served(vec![unready, endpoint("10.0.0.2", 80)]), [plain("10.0.0.2", 80)]);
}

#[test]
fn an_endpoint_that_does_not_serve_the_port_is_left_out() {
    let other = Endpoint { ports: Arc::new([("grpc".to_owned(), 80)].into()), ..endpoint("10.0.0.1", 80) };
    assert_eq!(served(vec![other]), []);
}

#[test]
fn an_address_is_served_once() {
    let twice = vec![zone(endpoint("10.0.0.1", 80), "b"), zone(endpoint("10.0.0.1", 80), "a")];
    assert_eq!(served(twice), [("a".to_owned(), "10.0.0.1".to_owned(), 80)]);
}

#[test]
fn two_ports_of_one_address_are_two_endpoints() {
    let served = served(vec![endpoint("127.0.0.1", 8081), endpoint("127.0.0.1", 8080)]);
    assert_eq!(served, [plain("127.0.0.1", 8080), plain("127.0.0.1", 8081)]);
}

/// gRPC clients reject an assignment otherwise (proposal A27).
#[test]
fn endpoints_of_which_nothing_is_known_have_a_locality_as_well() {
    let [of_locality] = <[_; 1]>::try_from(assignment(&views(vec![endpoint("10.0.0.1", 80)]), NAME).endpoints).unwrap();
    assert_eq!(of_locality.locality, Some(evenkeel_proto::envoy::config::core::v3::Locality::default()));
}

#[test]
fn steered_pods_are_the_pods_under_another_name() {
    let views = views(vec![zone(endpoint("10.0.0.1", 80), "a"), endpoint("10.0.0.2", 80)]);
    let steered = assignment(&views, "steer/default/gateway:80");
    assert_eq!(steered.cluster_name, "steer/default/gateway:80");
    assert_eq!(steered.endpoints, assignment(&views, NAME).endpoints);
}

#[test]
fn a_locality_weighs_as_much_as_its_endpoints() {
    let heavy = Endpoint { weight: Weight::MAX, ..endpoint("10.0.0.1", 80) };
    let views = views(vec![heavy, endpoint("10.0.0.2", 80), zone(endpoint("10.0.0.3", 80), "a")]);
    let weights: Vec<u32> = assignment(&views, NAME)
        .endpoints
        .iter()
        .map(|locality| locality.load_balancing_weight.unwrap().value)
        .collect();
    assert_eq!(weights, [129, 1]);
}

#[test]
fn an_assignment_has_the_bytes_of_the_whole_message() {
    let one = |number: u8, zone_name| zone(endpoint(&format!("10.0.0.{number}"), 8080), zone_name);
    let views = views(vec![one(1, "a"), one(2, "b"), endpoint("10.0.0.3", 8080), one(4, "a")]);
    assert_eq!(assignment(&views, NAME).endpoints.len(), 3);
    assert_eq!(bytes(&views, NAME), assignment(&views, NAME).encode_to_vec());
}

#[test]
fn an_unknown_name_and_a_service_without_endpoints_are_the_same_empty_assignment() {
    let nobody = resource(&views(vec![]), NAME);
    let unknown = resource(&Views::default(), NAME);
    assert_eq!(nobody.version(), unknown.version());
    assert_eq!(assignment(&views(vec![]), "no/such:80").cluster_name, "no/such:80");
    assert_eq!(assignment(&views(vec![]), "no/such:80").endpoints, []);
}

#[test]
fn what_did_not_change_is_not_encoded_again() {
    let before = views(vec![endpoint("10.0.0.1", 80)]);
    let (after, changed) = before.next(cluster([gateway(vec![endpoint("10.0.0.1", 80)])]));
    assert_eq!(changed.len(), 0);
    let other = Service { name: ServiceName::new("default", "other"), ..gateway(vec![]) };
    let resource_before = resource(&before, NAME);
    assert!(Arc::ptr_eq(&resource_before, &resource(&after, NAME)));
    let (later, changed) = after.next(cluster([gateway(vec![endpoint("10.0.0.1", 80)]), other]));
    assert_eq!(changed, every_name("other", 80));
    assert!(Arc::ptr_eq(&resource_before, &resource(&later, NAME)));
}

#[test]
fn the_first_views_are_those_after_nothing() {
    let cluster = || cluster([gateway(vec![endpoint("10.0.0.1", 80)])]);
    let (first, (next, _)) = (Views::default().first(cluster()), Views::default().next(cluster()));
    assert_eq!(bytes(&first, NAME), bytes(&next, NAME));
    // They are kept as those are.
    assert!(Arc::ptr_eq(&resource(&first, NAME), &resource(&first, NAME)));
    let (gone, changed) = first.next(Arc::default());
    assert_eq!(changed, every_name("gateway", 80));
    assert_eq!(assignment(&gone, NAME).endpoints, []);
}

#[test]
fn a_service_that_is_gone_becomes_empty() {
    let (gone, changed) = views(vec![endpoint("10.0.0.1", 80)]).next(cluster([]));
    assert_eq!(changed, every_name("gateway", 80));
    assert_eq!(assignment(&gone, NAME).endpoints, []);
}

#[test]
fn a_port_that_is_gone_becomes_empty() {
    let moved = Service { ports: vec![ServicePort::new("http", 81)], ..gateway(vec![endpoint("10.0.0.1", 80)]) };
    let (moved, changed) = views(vec![endpoint("10.0.0.1", 80)]).next(cluster([moved]));
    assert_eq!(changed, &every_name("gateway", 80) | &every_name("gateway", 81));
    assert_eq!(assignment(&moved, NAME).endpoints, []);
    assert_eq!(assignment(&moved, "pods/default/gateway:81").endpoints.len(), 1);
}

fn endpoints() -> impl Strategy<Value = Vec<Endpoint>> {
    let endpoint = (1u8..6, 1u16..4, 1i64..4, "[ab]?", any::<bool>()).prop_map(|(host, port, weight, name, ready)| {
        let health = if ready { Health::Ready } else { Health::NotReady };
        let weight = Weight::try_from(weight).unwrap();
        zone(Endpoint { health, weight, ..endpoint(&format!("10.0.0.{host}"), port) }, &name)
    });
    prop::collection::vec(endpoint, 0..12)
}

proptest! {
    #[test]
    fn the_order_of_the_source_does_not_change_the_version(
        (ordered, shuffled) in endpoints().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        prop_assert_eq!(resource(&views(ordered), NAME).version(), resource(&views(shuffled), NAME).version());
    }

    #[test]
    fn no_address_is_served_twice(endpoints in endpoints()) {
        let mut addresses: Vec<_> = served(endpoints).into_iter().map(|(_, address, port)| (address, port)).collect();
        let all = addresses.len();
        addresses.sort();
        addresses.dedup();
        prop_assert_eq!(addresses.len(), all);
    }
}
