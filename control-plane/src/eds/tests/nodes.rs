//! The view of nodes.

use super::*;
use crate::model::{ExternalTrafficPolicy, Node, Nodes};
use evenkeel_proto::envoy::config::endpoint::v3::LbEndpoint;

const NODES: &str = "nodes/default/gateway:80";
const NODE_PORT: u16 = 30_080;

fn node(addresses: &[&str]) -> Node {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Node { addresses, ready: true, locality: Arc::default() }
}

fn nodes(all: &[(&str, Node)]) -> Nodes {
    all.iter().map(|(name, node)| (Arc::from(*name), Arc::new(node.clone()))).collect()
}

fn three() -> Nodes {
    nodes(&[("a", node(&["192.0.2.1"])), ("b", node(&["192.0.2.2"])), ("c", node(&["192.0.2.3"]))])
}

fn on(endpoint: Endpoint, node: &str) -> Endpoint {
    Endpoint { node: Some(node.into()), ..endpoint }
}

fn node_port(external_traffic_policy: ExternalTrafficPolicy, endpoints: Vec<Endpoint>) -> Service {
    let ports = vec![ServicePort { node_port: Some(NODE_PORT), ..ServicePort::new("http", 80) }];
    Service { ports, external_traffic_policy, ..gateway(endpoints) }
}

fn local(endpoints: Vec<Endpoint>) -> Service {
    node_port(ExternalTrafficPolicy::Local, endpoints)
}

fn anywhere(endpoints: Vec<Endpoint>) -> Service {
    node_port(ExternalTrafficPolicy::Cluster, endpoints)
}

fn both(service: Service, nodes: Nodes) -> Arc<Cluster> {
    Arc::new(Cluster { services: [service].into_iter().collect(), nodes, ..Cluster::default() })
}

fn of(service: Service, nodes: Nodes) -> Views {
    Views::default().next(both(service, nodes)).0
}

/// Address and weight of each node; all of them have the node port.
fn balanced(service: Service, nodes: Nodes) -> Vec<(String, u32)> {
    let assignment = assignment(&of(service, nodes), NODES);
    assignment.endpoints.into_iter().flat_map(|locality| locality.lb_endpoints).map(address_and_weight).collect()
}

fn address_and_weight(endpoint: LbEndpoint) -> (String, u32) {
    let Some(HostIdentifier::Endpoint(host)) = endpoint.host_identifier else { panic!("no endpoint") };
    let Some(SocketAddress(address)) = host.address.unwrap().address else { panic!("no address") };
    assert_eq!(address.port_specifier, Some(PortValue(u32::from(NODE_PORT))));
    (address.address, endpoint.load_balancing_weight.unwrap().value)
}

fn weighted(address: &str, weight: u32) -> (String, u32) {
    (address.to_owned(), weight)
}

#[test]
fn with_policy_local_a_node_weighs_its_ready_pods_and_others_are_left_out() {
    let unready = Endpoint { health: Health::NotReady, ..endpoint("10.0.0.9", 8080) };
    let elsewhere = Endpoint { ports: Arc::new([("grpc".to_owned(), 80)].into()), ..endpoint("10.0.0.8", 80) };
    let pods = vec![
        on(endpoint("10.0.0.1", 8080), "a"),
        on(endpoint("10.0.0.2", 8080), "a"),
        on(endpoint("10.0.0.3", 8080), "c"),
        on(unready, "b"),
        on(elsewhere, "b"),
        endpoint("10.0.0.7", 8080),
        on(endpoint("10.0.0.6", 8080), "gone"),
    ];
    assert_eq!(balanced(local(pods), three()), [weighted("192.0.2.1", 2), weighted("192.0.2.3", 1)]);
}

#[test]
fn with_policy_cluster_every_ready_node_weighs_the_same() {
    let pods = vec![on(endpoint("10.0.0.1", 8080), "a"), on(endpoint("10.0.0.2", 8080), "a")];
    let mut nodes = three();
    nodes.insert("c".into(), Arc::new(Node { ready: false, ..node(&["192.0.2.3"]) }));
    assert_eq!(balanced(anywhere(pods), nodes), [weighted("192.0.2.1", 1), weighted("192.0.2.2", 1)]);
}

#[test]
fn a_node_that_is_not_ready_is_left_out_with_its_pods() {
    let pods = vec![on(endpoint("10.0.0.1", 8080), "a"), on(endpoint("10.0.0.2", 8080), "b")];
    let mut nodes = three();
    nodes.insert("a".into(), Arc::new(Node { ready: false, ..node(&["192.0.2.1"]) }));
    assert_eq!(balanced(local(pods), nodes), [weighted("192.0.2.2", 1)]);
}

#[test]
fn a_node_may_have_more_pods_than_an_endpoint_may_have_weight() {
    let pods = (0..250).map(|host| on(endpoint(&format!("10.0.0.{host}"), 80), "a")).collect();
    assert_eq!(balanced(local(pods), three()), [weighted("192.0.2.1", 250)]);
}

#[test]
fn a_pod_counts_once_even_with_two_families_or_in_two_slices() {
    let pods = vec![
        on(endpoint("10.0.0.1", 8080), "a"),
        on(endpoint("10.0.0.1", 8080), "a"),
        on(endpoint("fd00::1", 8080), "a"),
        on(endpoint("fd00::2", 8080), "a"),
        on(endpoint("10.0.0.2", 8080), "a"),
    ];
    assert_eq!(balanced(local(pods), three()), [weighted("192.0.2.1", 2)]);
}

#[test]
fn a_node_is_reached_by_one_address_of_a_family_that_the_service_has() {
    let dual = || nodes(&[("a", node(&["fd01::1", "192.0.2.1", "192.0.2.9"]))]);
    let [v4, v6] = [on(endpoint("10.0.0.1", 80), "a"), on(endpoint("fd00::1", 80), "a")];
    assert_eq!(balanced(local(vec![v4.clone(), v6.clone()]), dual()), [weighted("192.0.2.1", 1)]);
    assert_eq!(balanced(local(vec![v4.clone()]), dual()), [weighted("192.0.2.1", 1)]);
    assert_eq!(balanced(local(vec![v6.clone()]), dual()), [weighted("fd01::1", 1)]);
    assert_eq!(balanced(anywhere(vec![]), dual()), [weighted("192.0.2.1", 1)]);
    assert_eq!(balanced(anywhere(vec![v6]), nodes(&[("a", node(&["192.0.2.1"]))])), []);
    assert_eq!(balanced(anywhere(vec![v4]), nodes(&[("a", node(&["fd01::1"]))])), []);
    assert_eq!(
        balanced(anywhere(vec![]), nodes(&[("a", node(&["fd01::1"])), ("b", node(&[]))])),
        [weighted("fd01::1", 1)]
    );
}

#[test]
fn nodes_are_where_nodes_are_not_where_pods_are() {
    let zone_of = |name: &str| Arc::new(Locality { zone: name.into(), ..Locality::default() });
    let nodes = nodes(&[("a", Node { locality: zone_of("east"), ..node(&["192.0.2.1"]) })]);
    let pods = vec![zone(on(endpoint("10.0.0.1", 80), "a"), "west"), on(endpoint("10.0.0.2", 80), "a")];
    let [locality] = <[_; 1]>::try_from(assignment(&of(local(pods), nodes), NODES).endpoints).unwrap();
    assert_eq!(locality.locality.unwrap().zone, "east");
    assert_eq!(locality.load_balancing_weight.unwrap().value, 2);
}

#[test]
fn without_a_node_port_or_without_nodes_the_assignment_is_empty() {
    let pods = || vec![on(endpoint("10.0.0.1", 80), "a")];
    let empty = resource(&Views::default(), NODES).version();
    assert_eq!(resource(&of(gateway(pods()), three()), NODES).version(), empty);
    assert_eq!(resource(&of(local(pods()), Nodes::new()), NODES).version(), empty);
    assert_eq!(resource(&of(anywhere(pods()), Nodes::new()), NODES).version(), empty);
}

#[test]
fn when_nodes_change_only_the_nodes_of_services_with_node_ports_are_made_again() {
    let other = Service { name: ServiceName::new("default", "other"), ..gateway(vec![endpoint("10.0.0.2", 80)]) };
    let services: Services = [anywhere(vec![endpoint("10.0.0.1", 80)]), other].into_iter().collect();
    let cluster = |nodes| Arc::new(Cluster { services: services.clone(), nodes, ..Cluster::default() });
    let before = Views::default().next(cluster(nodes(&[("a", node(&["192.0.2.1"]))]))).0;
    let kept =
        ["pods/default/gateway:80", "steer/default/gateway:80", "pods/default/other:80", "nodes/default/other:80"];
    let resources = kept.map(|name| resource(&before, name));
    let version = resource(&before, NODES).version();

    let (after, changed) = before.next(cluster(three()));
    assert_eq!(changed, [NODES.to_owned()].into());
    for (name, known) in kept.into_iter().zip(resources) {
        assert!(Arc::ptr_eq(&known, &resource(&after, name)), "{name}");
    }
    assert_ne!(resource(&after, NODES).version(), version);
    assert_eq!(after.next(cluster(three())).1.len(), 0);
}

fn pods_on_nodes() -> impl Strategy<Value = Vec<Endpoint>> {
    (endpoints(), prop::collection::vec("[abcd]", 12)).prop_map(|(endpoints, nodes)| {
        endpoints.into_iter().zip(nodes).map(|(endpoint, node)| on(endpoint, &node)).collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_the_pods_does_not_change_the_version(
        (ordered, shuffled) in pods_on_nodes().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let version = |pods| resource(&of(local(pods), three()), NODES).version();
        prop_assert_eq!(version(ordered), version(shuffled));
    }

    #[test]
    fn the_weights_add_up_to_the_ready_pods_on_known_nodes(pods in pods_on_nodes()) {
        let known = |pod: &&Endpoint| pod.health == Health::Ready && pod.node.as_deref() != Some("d");
        let unique: BTreeSet<_> = pods.iter().filter(known).map(|pod| (pod.node.clone(), pod.address, pod.ports["http"])).collect();
        let weights: u32 = balanced(local(pods), three()).iter().map(|(_, weight)| weight).sum();
        prop_assert_eq!(weights as usize, unique.len());
    }

    /// Whatever came before, and in whichever steps: what is served now depends only on what is known now.
    #[test]
    fn steps_lead_to_the_same_versions_as_a_fresh_start(
        steps in prop::collection::vec((pods_on_nodes(), any::<[bool; 3]>(), any::<bool>()), 1..6)
    ) {
        let cluster = |(pods, ready, policy): (Vec<Endpoint>, [bool; 3], bool)| {
            let ready = three().into_iter().zip(ready);
            let nodes = ready.map(|((name, node), ready)| (name, Arc::new(Node { ready, ..(*node).clone() }))).collect();
            both(if policy { local(pods) } else { anywhere(pods) }, nodes)
        };
        let mut views = Views::default();
        for step in steps {
            let (next, changed) = views.next(cluster(step.clone()));
            let fresh = Views::default().next(cluster(step)).0;
            for name in every_name("gateway", 80) {
                let (before, now) = (resource(&views, &name).version(), resource(&next, &name).version());
                prop_assert_eq!(now, resource(&fresh, &name).version());
                prop_assert!(before == now || changed.contains(&name));
            }
            views = next;
        }
    }
}
