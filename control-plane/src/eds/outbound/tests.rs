use crate::eds::Views;
use crate::model::{
    ClientTlsMode, ClientTraffic, Cluster, DestinationRule, Endpoint, Labels, Locality, Mesh, MutualTlsMode,
    PeerAuthentication, Service, ServiceName, ServicePort, Services, Subset, TrafficPolicy, Workload,
};
use crate::xds::Lookup;
use evenkeel_proto::envoy::config::core::v3::Metadata;
use evenkeel_proto::envoy::config::core::v3::address::Address::SocketAddress;
use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use evenkeel_proto::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use evenkeel_proto::google::protobuf::Any;
use evenkeel_proto::google::protobuf::value::Kind;
use prost::Message;
use std::collections::BTreeMap;
use std::sync::Arc;

const REVIEWS: &str = "outbound|9080||reviews.default.svc.cluster.local";
const V1: &str = "outbound|9080|v1|reviews.default.svc.cluster.local";

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A pod of `reviews` with a sidecar.
fn pod(address: &str, version: &str) -> Endpoint {
    let workload = Workload {
        namespace: "default".into(),
        name: format!("reviews-{version}"),
        canonical_name: "reviews".into(),
        canonical_revision: version.into(),
        service_account: "reviews".into(),
        labels: labels(&[("version", version), ("security.istio.io/tlsMode", "istio")]),
    };
    let ports = Arc::new([("http".to_owned(), 8080)].into());
    Endpoint { workload: Some(Arc::new(workload)), ..Endpoint::new(address.parse().unwrap(), ports) }
}

fn labelled(endpoint: Endpoint, label: &str, value: &str) -> Endpoint {
    let mut workload = Workload::clone(endpoint.workload.as_ref().unwrap());
    workload.labels.insert(label.into(), value.into());
    Endpoint { workload: Some(Arc::new(workload)), ..endpoint }
}

fn in_zone(endpoint: Endpoint, zone: &str) -> Endpoint {
    Endpoint { locality: Arc::new(Locality { zone: zone.into(), ..Locality::default() }), ..endpoint }
}

fn reviews(endpoints: Vec<Endpoint>) -> Service {
    let ports = vec![ServicePort::new("http", 9080)];
    Service { ports, endpoints, ..Service::new(ServiceName::new("default", "reviews")) }
}

fn cluster(service: Service, mesh: Mesh) -> Arc<Cluster> {
    Arc::new(Cluster { services: Services::from_iter([service]), mesh: Arc::new(mesh), ..Cluster::default() })
}

fn lookup(service: Service, mesh: Mesh, name: &str) -> Lookup {
    Views::default().next(cluster(service, mesh)).0.assignment(name)
}

fn decode(lookup: &Lookup) -> ClusterLoadAssignment {
    let Lookup::Found(resource) = lookup else { panic!("{lookup:?}") };
    let [_, any] = resource.sotw_field();
    ClusterLoadAssignment::decode(Any::decode(any.clone()).unwrap().value).unwrap()
}

/// Address and `tlsMode` of each host, in order.
fn hosts(lookup: &Lookup) -> Vec<(String, Option<String>)> {
    let endpoints = decode(lookup).endpoints.into_iter().flat_map(|locality| locality.lb_endpoints);
    endpoints
        .map(|endpoint| {
            let tls_mode = endpoint.metadata.as_ref().and_then(|m| field(m, "envoy.transport_socket_match", "tlsMode"));
            let Some(HostIdentifier::Endpoint(endpoint)) = endpoint.host_identifier else { panic!("no endpoint") };
            let Some(SocketAddress(address)) = endpoint.address.unwrap().address else { panic!("no address") };
            (address.address, tls_mode)
        })
        .collect()
}

fn field(metadata: &Metadata, filter: &str, name: &str) -> Option<String> {
    match metadata.filter_metadata.get(filter)?.fields.get(name)?.kind.clone()? {
        Kind::StringValue(text) => Some(text),
        other => panic!("{other:?}"),
    }
}

fn addresses(lookup: &Lookup) -> Vec<String> {
    hosts(lookup).into_iter().map(|(address, _)| address).collect()
}

/// The `tlsMode` of the only pod.
fn tls_mode(mesh: Mesh, name: &str) -> Option<String> {
    let [(_, tls_mode)] = hosts(&lookup(reviews(vec![pod("10.0.0.1", "v1")]), mesh, name)).try_into().unwrap();
    tls_mode
}

fn declined(service: Service, mesh: Mesh, name: &str) -> String {
    match lookup(service, mesh, name) {
        Lookup::Declined(reason) => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

fn authentication(namespace: &str, selector: &[(&str, &str)], mode: Option<MutualTlsMode>) -> Arc<PeerAuthentication> {
    let (namespace, selector) = (namespace.to_owned(), labels(selector));
    Arc::new(PeerAuthentication { namespace, selector, mode, ..PeerAuthentication::default() })
}

fn with_authentications(peer_authentications: Vec<Arc<PeerAuthentication>>) -> Mesh {
    Mesh { peer_authentications, ..Mesh::default() }
}

fn rule(namespace: &str, tls: Option<ClientTlsMode>) -> DestinationRule {
    DestinationRule {
        namespace: namespace.to_owned(),
        name: "reviews".to_owned(),
        host: "reviews.default.svc.cluster.local".to_owned(),
        policy: TrafficPolicy { tls, ..TrafficPolicy::default() },
        ..DestinationRule::default()
    }
}

fn with_subset(rule: DestinationRule, version: &str, tls: Option<ClientTlsMode>) -> DestinationRule {
    let policy = TrafficPolicy { tls, ..TrafficPolicy::default() };
    let subset = Subset { name: version.to_owned(), labels: labels(&[("version", version)]), policy };
    DestinationRule { subsets: [rule.subsets, vec![subset]].concat(), ..rule }
}

fn with_rules<const N: usize>(rules: [DestinationRule; N]) -> Mesh {
    Mesh { destination_rules: rules.map(Arc::new).into(), ..Mesh::default() }
}

const ISTIO: Option<&str> = Some("istio");
const DISABLE: Option<MutualTlsMode> = Some(MutualTlsMode::Disable);
const STRICT: Option<MutualTlsMode> = Some(MutualTlsMode::Strict);

#[test]
fn a_pod_carries_what_istio_asks_for() {
    let found = lookup(reviews(vec![pod("10.0.0.1", "v1"), pod("10.0.0.2", "latest")]), Mesh::default(), REVIEWS);
    let metadata = |index: usize| decode(&found).endpoints[0].lb_endpoints[index].metadata.clone().unwrap();
    let workload = |index| field(&metadata(index), "istio", "workload").unwrap();
    assert_eq!(workload(0), "reviews-v1;default;reviews;v1;Kubernetes");
    assert_eq!(workload(1), "reviews-latest;default;reviews;;Kubernetes");
    assert_eq!(field(&metadata(0), "envoy.transport_socket_match", "tlsMode").as_deref(), ISTIO);
}

#[test]
fn a_pod_without_sidecar_is_called_in_clear_text() {
    let service = reviews(vec![
        labelled(pod("10.0.0.1", "v1"), "security.istio.io/tlsMode", "disabled"),
        labelled(pod("10.0.0.2", "v1"), "security.istio.io/tlsMode", ""),
        Endpoint { workload: None, ..pod("10.0.0.3", "v1") },
    ]);
    let found = lookup(service, with_rules([rule("default", Some(ClientTlsMode::IstioMutual))]), REVIEWS);
    assert_eq!(hosts(&found).into_iter().map(|(_, tls_mode)| tls_mode).collect::<Vec<_>>(), [None, None, None]);
}

#[test]
fn a_pod_that_is_not_known_yet_is_held_back() {
    let unknown = Endpoint { workload: None, awaits_pod: true, ..pod("10.0.0.2", "v1") };
    let service = reviews(vec![pod("10.0.0.1", "v1"), unknown]);
    assert_eq!(addresses(&lookup(service, Mesh::default(), REVIEWS)), ["10.0.0.1"]);
}

#[test]
fn the_narrowest_peer_authentication_that_says_something_decides() {
    let version = [("version", "v1")];
    let narrow = |mode| authentication("default", &version, mode);
    let tls = |policies: &[Arc<PeerAuthentication>]| tls_mode(with_authentications(policies.to_vec()), REVIEWS);
    let (mesh, namespace) = (authentication("istio-system", &[], DISABLE), authentication("default", &[], STRICT));
    assert_eq!(tls(std::slice::from_ref(&mesh)), None);
    assert_eq!(tls(&[mesh.clone(), namespace.clone()]).as_deref(), ISTIO);
    assert_eq!(tls(&[mesh.clone(), namespace.clone(), narrow(DISABLE)]), None);
    assert_eq!(tls(&[mesh.clone(), namespace, narrow(None)]).as_deref(), ISTIO);
    assert_eq!(tls(&[mesh, authentication("default", &[], None)]), None);
    assert_eq!(tls(&[authentication("default", &[("version", "v2")], DISABLE)]).as_deref(), ISTIO);
    assert_eq!(tls(&[authentication("other", &[], DISABLE)]).as_deref(), ISTIO);
}

#[test]
fn the_oldest_of_several_peer_authentications_counts() {
    let policies = vec![authentication("default", &[], STRICT), authentication("default", &[], DISABLE)];
    assert_eq!(tls_mode(with_authentications(policies), REVIEWS).as_deref(), ISTIO);
}

#[test]
fn what_a_peer_authentication_says_of_a_port_is_about_the_pods_port() {
    let of_port = |port, mode| {
        let policy = PeerAuthentication {
            port_modes: [(port, mode)].into(),
            ..PeerAuthentication::clone(&authentication("default", &[("version", "v1")], STRICT))
        };
        tls_mode(with_authentications(vec![Arc::new(policy)]), REVIEWS)
    };
    assert_eq!(of_port(8080, DISABLE), None);
    assert_eq!(of_port(9080, DISABLE).as_deref(), ISTIO);
    assert_eq!(of_port(8080, None).as_deref(), ISTIO);
}

#[test]
fn a_destination_rule_has_the_say_over_peer_authentications() {
    let mesh = |tls| Mesh {
        peer_authentications: vec![authentication("default", &[], DISABLE)],
        ..with_rules([rule("default", Some(tls))])
    };
    assert_eq!(tls_mode(mesh(ClientTlsMode::IstioMutual), REVIEWS).as_deref(), ISTIO);
    for tls in [ClientTlsMode::Disable, ClientTlsMode::Simple, ClientTlsMode::Mutual] {
        assert_eq!(tls_mode(with_rules([rule("default", Some(tls))]), REVIEWS), None, "{tls:?}");
    }
}

#[test]
fn port_before_rule_and_subset_before_both() {
    let of_port = |port| {
        let mut rule = with_subset(rule("default", Some(ClientTlsMode::IstioMutual)), "v1", None);
        rule.policy.port_tls.insert(port, ClientTlsMode::Disable);
        rule
    };
    assert_eq!(tls_mode(with_rules([of_port(9080)]), REVIEWS), None);
    assert_eq!(tls_mode(with_rules([of_port(8080)]), REVIEWS).as_deref(), ISTIO);
    assert_eq!(tls_mode(with_rules([of_port(9080)]), V1), None);
    let subset = with_subset(rule("default", Some(ClientTlsMode::Disable)), "v1", Some(ClientTlsMode::IstioMutual));
    assert_eq!(tls_mode(with_rules([subset]), V1).as_deref(), ISTIO);
}

#[test]
fn a_subset_has_the_pods_with_its_labels() {
    let service = || reviews(vec![pod("10.0.0.1", "v1"), pod("10.0.0.2", "v2")]);
    let mesh = with_rules([with_subset(rule("default", None), "v1", None)]);
    assert_eq!(addresses(&lookup(service(), mesh.clone(), V1)), ["10.0.0.1"]);
    assert_eq!(addresses(&lookup(service(), mesh.clone(), REVIEWS)), ["10.0.0.1", "10.0.0.2"]);
    let v2 = "outbound|9080|v2|reviews.default.svc.cluster.local";
    assert_eq!(declined(service(), mesh, v2), "no DestinationRule defines the subset \"v2\" of this host");
}

#[test]
fn rules_for_one_host_are_merged_and_an_exact_host_hides_wildcards() {
    let second = DestinationRule { name: "second".into(), ..with_subset(rule("default", None), "v1", None) };
    let first = rule("default", Some(ClientTlsMode::Disable));
    assert_eq!(tls_mode(with_rules([first.clone(), second]), V1), None);
    let wide = |host: &str, tls| DestinationRule { host: host.into(), ..rule("default", Some(tls)) };
    let (any, of_namespace) = ("*", "*.default.svc.cluster.local");
    let mutual = ClientTlsMode::IstioMutual;
    assert_eq!(tls_mode(with_rules([wide(any, mutual), first]), REVIEWS), None);
    let wildcards = [wide(any, ClientTlsMode::Disable), wide(of_namespace, mutual)];
    assert_eq!(tls_mode(with_rules(wildcards), REVIEWS).as_deref(), ISTIO);
    assert_eq!(
        tls_mode(with_rules([wide("*.other.svc.cluster.local", ClientTlsMode::Disable)]), REVIEWS).as_deref(),
        ISTIO
    );
}

#[test]
fn the_root_namespace_speaks_where_the_services_own_is_silent() {
    let root = rule("istio-system", Some(ClientTlsMode::Disable));
    assert_eq!(tls_mode(with_rules([root.clone()]), REVIEWS), None);
    assert_eq!(tls_mode(with_rules([root, rule("default", Some(ClientTlsMode::Disable))]), REVIEWS), None);
}

#[test]
fn rules_that_some_clients_see_differently_decline_the_destination() {
    let service = || reviews(vec![pod("10.0.0.1", "v1")]);
    let disable = Some(ClientTlsMode::Disable);
    let reason = "what DestinationRule shop/reviews says about this destination holds for some clients only";
    assert_eq!(declined(service(), with_rules([rule("shop", disable)]), REVIEWS), reason);
    assert_eq!(tls_mode(with_rules([rule("shop", None)]), REVIEWS).as_deref(), ISTIO);
    let some = DestinationRule { for_some_clients: true, ..rule("default", disable) };
    assert!(declined(service(), with_rules([some]), REVIEWS).contains("default/reviews"));
}

#[test]
fn priorities_that_depend_on_the_client_decline_a_destination_in_several_localities() {
    let spread = || vec![in_zone(pod("10.0.0.1", "v1"), "a"), in_zone(pod("10.0.0.2", "v1"), "b")];
    let mut ejects = rule("default", None);
    ejects.policy.outlier_detection = true;
    assert!(declined(reviews(spread()), with_rules([ejects.clone()]), REVIEWS).contains("outlierDetection"));
    assert_eq!(addresses(&lookup(reviews(vec![pod("10.0.0.1", "v1")]), with_rules([ejects]), REVIEWS)), ["10.0.0.1"]);
    let near = ClientTraffic { prefers_near: true, ..ClientTraffic::default() };
    let service = Service { traffic: near, ..reviews(spread()) };
    assert!(declined(service, Mesh::default(), REVIEWS).contains("trafficDistribution"));
    let zones = decode(&lookup(reviews(spread()), Mesh::default(), REVIEWS)).endpoints;
    assert_eq!(
        zones.iter().map(|zone| (zone.priority, zone.load_balancing_weight.unwrap().value)).collect::<Vec<_>>(),
        [(0, 1); 2]
    );
}

#[test]
fn what_the_services_own_settings_make_depend_on_the_client_is_declined() {
    let with = |traffic| Service { traffic, ..reviews(vec![pod("10.0.0.1", "v1")]) };
    let node_local = ClientTraffic { node_local: true, ..ClientTraffic::default() };
    assert!(declined(with(node_local), Mesh::default(), REVIEWS).contains("internalTrafficPolicy Local"));
    let persistent_sessions = ClientTraffic { persistent_sessions: true, ..ClientTraffic::default() };
    assert!(declined(with(persistent_sessions), Mesh::default(), REVIEWS).contains("persistent sessions"));
}

#[test]
fn a_pod_behind_a_tunnel_declines_the_destination_unless_its_sidecar_takes_tls() {
    let tunnel = |endpoint| labelled(endpoint, "networking.istio.io/tunnel", "http");
    let ambient = labelled(tunnel(pod("10.0.0.1", "v1")), "security.istio.io/tlsMode", "disabled");
    assert!(
        declined(reviews(vec![ambient]), Mesh::default(), REVIEWS)
            .contains("10.0.0.1:8080 is reached through a tunnel")
    );
    assert_eq!(
        addresses(&lookup(reviews(vec![tunnel(pod("10.0.0.1", "v1"))]), Mesh::default(), REVIEWS)),
        ["10.0.0.1"]
    );
}

#[test]
fn hosts_that_are_no_services_are_declined_and_services_that_do_not_exist_are_empty() {
    let nobody = || reviews(vec![]);
    for host in ["api.example.com", "reviews.default.svc.other.domain", "a.b.c.svc.cluster.local", "svc.cluster.local"]
    {
        let name = format!("outbound|443||{host}");
        assert!(declined(nobody(), Mesh::default(), &name).contains("is no Kubernetes Service"), "{host}");
    }
    for name in ["outbound|9080||gone.default.svc.cluster.local", "outbound|9081||reviews.default.svc.cluster.local"] {
        assert_eq!(addresses(&lookup(nobody(), Mesh::default(), name)), [""; 0], "{name}");
    }
    let narrowed = Mesh { narrowed: true, ..Mesh::default() };
    let elsewhere = "outbound|9080||reviews.elsewhere.svc.cluster.local";
    assert!(declined(nobody(), narrowed, elsewhere).contains("is not among the Services that are watched"));
}

#[test]
fn a_change_of_the_mesh_names_the_destinations_and_leaves_the_views_alone() {
    let before = Views::default().next(cluster(reviews(vec![pod("10.0.0.1", "v1")]), Mesh::default())).0;
    let pods = before.assignment("pods/default/reviews:9080");
    assert_eq!(hosts(&before.assignment(REVIEWS)), [("10.0.0.1".to_owned(), ISTIO.map(str::to_owned))]);
    let mesh = with_rules([with_subset(rule("default", Some(ClientTlsMode::Disable)), "v1", None)]);
    let (after, changed) = before.next(cluster(reviews(vec![pod("10.0.0.1", "v1")]), mesh));
    assert_eq!(changed, [REVIEWS.to_owned(), V1.to_owned()].into());
    assert_eq!(hosts(&after.assignment(REVIEWS)), [("10.0.0.1".to_owned(), None)]);
    let (Lookup::Found(before), Lookup::Found(after)) = (pods, after.assignment("pods/default/reviews:9080")) else {
        panic!()
    };
    assert!(Arc::ptr_eq(&before, &after));
}

#[test]
fn other_directions_and_forms_are_not_destinations() {
    let views = Views::default();
    let plain: BTreeMap<&str, &str> = [
        ("inbound", "inbound|9080||"),
        ("sni", "outbound_.9080_._.reviews.default.svc.cluster.local"),
        ("port", "outbound|09080||reviews.default.svc.cluster.local"),
        ("parts", "outbound|9080||reviews.default.svc.cluster.local|more"),
    ]
    .into();
    for name in plain.values() {
        assert_eq!(decode(&views.assignment(name)).endpoints, [], "{name}");
    }
}
