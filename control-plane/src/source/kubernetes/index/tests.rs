//! What services are made of their parts, and what is made again.

use crate::model::{ExternalTrafficPolicy, Locality, ServicePort};
use crate::source::kubernetes::endpoint_slice::EndpointSlice;
use crate::source::kubernetes::name::ObjectName;
use crate::source::kubernetes::node::Node;
use crate::source::kubernetes::pod::Pod;
use crate::source::kubernetes::service::Service;
use crate::source::kubernetes::testing::{Told, named, node, of_pod, pod, ready, slice, web, with};
use serde_json::{Value, json};
use std::sync::Arc;

fn told(service: &Value, slices: &[Value]) -> Told {
    let mut told = Told::default();
    told.apply::<Service>(service);
    for slice in slices {
        told.apply::<EndpointSlice>(slice);
    }
    told
}

/// The service `web` with one slice.
fn web_with(endpoints: &Value) -> Told {
    told(&web(&json!({})), &[slice("a", endpoints)])
}

#[test]
fn ready_decides_and_absent_means_ready() {
    let endpoints = |conditions: Value| {
        let endpoint = json!({ "addresses": ["10.0.0.1"], "conditions": conditions });
        web_with(&json!([endpoint])).web()
    };
    let is_ready = ["10.0.0.1 http:8080"];
    let is_not = ["!10.0.0.1 http:8080"];
    for conditions in [json!(null), json!({}), json!({ "ready": null }), json!({ "ready": true })] {
        assert_eq!(endpoints(conditions.clone()), is_ready, "{conditions}");
    }
    assert_eq!(endpoints(json!({ "ready": false })), is_not);
    assert_eq!(endpoints(json!({ "ready": false, "serving": true, "terminating": true })), is_not, "on its way out");
    assert_eq!(endpoints(json!({ "ready": false, "serving": false, "terminating": true })), is_not);
    assert_eq!(endpoints(json!({ "ready": false, "serving": true, "terminating": false })), is_not);
    let published = json!({ "ready": true, "serving": false, "terminating": true });
    assert_eq!(endpoints(published), is_ready, "`publishNotReadyAddresses` makes every address ready");
    let without = json!([{ "addresses": ["10.0.0.1"] }]);
    assert_eq!(web_with(&without).web(), is_ready);
}

#[test]
fn all_slices_of_a_service_are_its_endpoints() {
    let mut told = told(
        &web(&json!({})),
        &[slice("a", &json!([ready("10.0.0.1")])), slice("b", &json!([ready("10.0.0.2"), ready("10.0.0.3")]))],
    );
    assert_eq!(told.web(), ["10.0.0.1 http:8080", "10.0.0.2 http:8080", "10.0.0.3 http:8080"]);
    told.delete::<EndpointSlice>(named("b"));
    assert_eq!(told.web(), ["10.0.0.1 http:8080"]);
}

#[test]
fn an_address_in_two_slices_is_one_endpoint_and_ready_if_either_says_so() {
    let unready = json!({ "addresses": ["10.0.0.1"], "conditions": { "ready": false } });
    let mut told = told(&web(&json!({})), &[slice("a", &json!([unready])), slice("b", &json!([ready("10.0.0.1")]))]);
    assert_eq!(told.web(), ["10.0.0.1 http:8080"]);
    told.delete::<EndpointSlice>(named("b"));
    assert_eq!(told.web(), ["!10.0.0.1 http:8080"]);
}

#[test]
fn slices_may_have_different_ports_of_one_address() {
    let grpc = json!([{ "name": "grpc", "port": 9090 }]);
    let slices =
        [slice("a", &json!([ready("10.0.0.1")])), with(slice("b", &json!([ready("10.0.0.1")])), "/ports", grpc)];
    assert_eq!(told(&web(&json!({})), &slices).web(), ["10.0.0.1 grpc:9090", "10.0.0.1 http:8080"]);
}

#[test]
fn a_slice_that_moves_to_another_service_leaves_the_first() {
    let mut told = web_with(&json!([ready("10.0.0.1")]));
    told.apply::<Service>(&with(web(&json!({})), "/metadata/name", json!("other")));
    let label = "/metadata/labels/kubernetes.io~1service-name";
    let mut moved = slice("a", &json!([ready("10.0.0.1")]));
    *moved.pointer_mut(label).unwrap() = json!("other");
    assert_eq!(told.web(), ["10.0.0.1 http:8080"]);
    told.apply::<EndpointSlice>(&moved);
    assert!(told.web().is_empty());
    assert_eq!(told.service("other").unwrap().endpoints.len(), 1);
}

#[test]
fn a_slice_may_come_before_its_service_and_stay_after_it() {
    let mut told = Told::default();
    told.apply::<EndpointSlice>(&slice("a", &json!([ready("10.0.0.1")])));
    assert!(told.service("web").is_none());
    told.apply::<Service>(&web(&json!({})));
    assert_eq!(told.web(), ["10.0.0.1 http:8080"]);
    told.delete::<Service>(named("web"));
    assert!(told.cluster().services.is_empty());
    told.apply::<Service>(&web(&json!({})));
    assert_eq!(told.web(), ["10.0.0.1 http:8080"]);
}

#[test]
fn a_service_without_endpoints_is_a_service() {
    assert!(web_with(&json!([])).web().is_empty());
    assert!(web_with(&json!(null)).web().is_empty());
    assert!(told(&web(&json!({})), &[]).web().is_empty());
}

#[test]
fn ports_are_named_numbered_or_neither() {
    let ports = json!([
        { "name": "http", "port": 80, "targetPort": "web", "nodePort": 30080 },
        { "name": "grpc", "protocol": "TCP", "port": 9090, "targetPort": 9090, "nodePort": 0 },
        { "port": 1 },
    ]);
    let told = told(&web(&json!({ "ports": ports })), &[]).service("web").unwrap();
    let http = ServicePort { node_port: Some(30080), ..ServicePort::new("http", 80) };
    assert_eq!(told.ports, [http, ServicePort::new("grpc", 9090), ServicePort::new("", 1)]);
}

#[test]
fn only_tcp_counts_also_where_udp_has_the_same_number() {
    let ports = json!([
        { "name": "dns", "protocol": "UDP", "port": 53 },
        { "name": "dns-tcp", "protocol": "TCP", "port": 53 },
        { "name": "sctp", "protocol": "SCTP", "port": 54 },
    ]);
    let slice = with(slice("a", &json!([ready("10.0.0.1")])), "/ports", ports.clone());
    let mut told = told(&web(&json!({ "ports": ports })), &[slice]);
    assert_eq!(told.web(), ["10.0.0.1 dns-tcp:53"]);
    assert_eq!(told.service("web").unwrap().ports, [ServicePort::new("dns-tcp", 53)]);
}

#[test]
fn a_port_of_a_slice_may_lack_its_number_or_its_name_and_there_may_be_none() {
    let endpoints = |ports: Value| {
        let slice = with(slice("a", &json!([ready("10.0.0.1")])), "/ports", ports);
        told(&web(&json!({})), &[slice]).web()
    };
    assert_eq!(endpoints(json!([{ "port": 8080 }])), ["10.0.0.1 :8080"]);
    assert_eq!(endpoints(json!([{ "name": "", "port": 8080, "protocol": null }])), ["10.0.0.1 :8080"]);
    assert_eq!(endpoints(json!([{ "name": "all", "port": null }, { "name": "http", "port": 1 }])), ["10.0.0.1 http:1"]);
    assert_eq!(endpoints(json!(null)), ["10.0.0.1 "]);
}

fn six(name: &str, endpoints: &Value) -> Value {
    with(slice(name, endpoints), "/addressType", json!("IPv6"))
}

#[test]
fn of_two_families_the_primary_one_counts() {
    let slices = [slice("a", &json!([ready("10.0.0.1")])), six("b", &json!([ready("fd00::1")]))];
    let endpoints = |families: Value| told(&web(&json!({ "ipFamilies": families })), &slices).web();
    assert_eq!(endpoints(json!(["IPv4", "IPv6"])), ["10.0.0.1 http:8080"]);
    assert_eq!(endpoints(json!(["IPv6", "IPv4"])), ["fd00::1 http:8080"]);
    assert_eq!(endpoints(json!(null)), ["10.0.0.1 http:8080"]);
}

#[test]
fn with_one_family_it_is_that_one() {
    let slices = [six("b", &json!([ready("fd00::1")]))];
    let endpoints = |spec: &Value| told(&web(spec), &slices).web();
    assert_eq!(endpoints(&json!({ "ipFamilies": ["IPv6"] })), ["fd00::1 http:8080"]);
    assert_eq!(endpoints(&json!({})), ["fd00::1 http:8080"]);
    let soon = json!({ "ipFamilies": ["IPv4", "IPv6"] });
    assert!(endpoints(&soon).is_empty(), "the controller has not written the other slice yet");
    let by_hand = json!({ "ipFamilies": ["IPv4", "IPv6"], "selector": null });
    assert_eq!(endpoints(&by_hand), ["fd00::1 http:8080"], "nobody will write the other slice");
}

#[test]
fn slices_of_names_and_of_other_clusters_and_of_no_service_are_left_alone() {
    let endpoints = json!([ready("10.0.0.1")]);
    let names = with(slice("a", &json!([ready("example.com")])), "/addressType", json!("FQDN"));
    let labels = json!({ "kubernetes.io/service-name": "web", "multicluster.kubernetes.io/service-name": "web" });
    let elsewhere = with(slice("b", &endpoints), "/metadata/labels", labels);
    let nobodys = with(slice("c", &endpoints), "/metadata/labels", json!(null));
    let mut told = told(&web(&json!({})), &[names, elsewhere.clone(), nobodys]);
    assert!(told.web().is_empty());
    told.apply::<EndpointSlice>(&slice("b", &endpoints));
    assert_eq!(told.web().len(), 1);
    told.apply::<EndpointSlice>(&elsewhere);
    assert!(told.web().is_empty(), "it became one of another cluster");
}

#[test]
fn a_headless_service_is_a_service_and_an_external_name_has_no_endpoints() {
    let slices = [slice("a", &json!([ready("10.0.0.1")]))];
    assert_eq!(told(&web(&json!({ "clusterIP": "None" })), &slices).web(), ["10.0.0.1 http:8080"]);
    let external = json!({ "type": "ExternalName", "externalName": "example.com", "selector": null });
    assert!(told(&web(&external), &slices).web().is_empty());
}

#[test]
fn the_traffic_policy_is_that_of_the_service() {
    let policy = |spec: Value| told(&web(&spec), &[]).service("web").unwrap().external_traffic_policy;
    assert_eq!(policy(json!({ "externalTrafficPolicy": "Local" })), ExternalTrafficPolicy::Local);
    assert_eq!(policy(json!({ "externalTrafficPolicy": "Cluster" })), ExternalTrafficPolicy::Cluster);
    assert_eq!(policy(json!({})), ExternalTrafficPolicy::Cluster);
}

#[test]
fn an_endpoint_with_a_wrong_address_or_port_is_left_out_and_the_others_stay() {
    let endpoints = json!([
        ready("10.0.0.1"), ready("10.0.0.300"), ready("fd00::1"), ready("localhost"), ready(""),
        { "addresses": [] }, { "addresses": null }, {}, ready("10.0.0.2"),
    ]);
    assert_eq!(web_with(&endpoints).web(), ["10.0.0.1 http:8080", "10.0.0.2 http:8080"]);
    let ports =
        json!([{ "name": "zero", "port": 0 }, { "name": "big", "port": 65536 }, { "name": "http", "port": 8080 }]);
    let slice = with(slice("a", &json!([ready("10.0.0.1")])), "/ports", ports);
    assert_eq!(told(&web(&json!({})), &[slice]).web(), ["10.0.0.1 http:8080"]);
}

#[test]
fn a_malformed_object_keeps_what_it_said_before_in_a_list_as_well() {
    let good = slice("a", &json!([ready("10.0.0.1")]));
    let malformed = slice("a", &json!("none"));
    let mut told = told(&web(&json!({})), &[good, malformed.clone()]);
    assert_eq!(told.web(), ["10.0.0.1 http:8080"]);
    told.list::<EndpointSlice>(&[malformed, slice("b", &json!([ready("10.0.0.2")]))]);
    assert_eq!(told.web(), ["10.0.0.1 http:8080", "10.0.0.2 http:8080"]);
    told.list::<EndpointSlice>(&[]);
    assert!(told.web().is_empty());
}

fn locality(region: &str, zone: &str, sub_zone: &str) -> Locality {
    Locality { region: region.into(), zone: zone.into(), sub_zone: sub_zone.into() }
}

#[test]
fn the_locality_is_that_of_the_pod_else_of_the_node_else_of_the_slice() {
    let mut told = web_with(&json!([of_pod("10.0.0.1", "pod-1", "node-a")]));
    let of = |told: &mut Told| (*told.service("web").unwrap().endpoints[0].locality).clone();
    assert_eq!(of(&mut told), locality("", "zone-of-slice", ""));
    told.apply::<Node>(&node("node-a", &json!({})));
    assert_eq!(of(&mut told), locality("", "zone-of-slice", ""));
    let labels = json!({
        "topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z", "topology.istio.io/subzone": "s",
    });
    told.apply::<Node>(&node("node-a", &labels));
    assert_eq!(of(&mut told), locality("r", "z", "s"));
    told.apply::<Pod>(&pod("pod-1", &json!({ "istio-locality": "own.zone" })));
    assert_eq!(of(&mut told), locality("own", "zone", ""));
    told.delete::<Pod>(named("pod-1"));
    assert_eq!(of(&mut told), locality("r", "z", "s"));
    told.delete::<Node>(ObjectName::new("", "node-a"));
    assert_eq!(of(&mut told), locality("", "zone-of-slice", ""));
}

#[test]
fn an_endpoint_without_a_node_is_on_the_node_of_its_pod() {
    let mut endpoint = of_pod("10.0.0.1", "pod-1", "");
    endpoint["nodeName"] = json!(null);
    let mut told = web_with(&json!([endpoint]));
    told.apply::<Pod>(&pod("pod-1", &json!({})));
    assert_eq!(told.service("web").unwrap().endpoints[0].node.as_deref(), Some("node-a"));
    told.apply::<Node>(&node("node-a", &json!({ "topology.kubernetes.io/zone": "z" })));
    assert_eq!(*told.service("web").unwrap().endpoints[0].locality, locality("", "z", ""));
}

#[test]
fn an_endpoint_knows_its_workload_as_soon_as_its_pod_is_known() {
    let other = json!({ "addresses": ["10.0.0.2"], "targetRef": { "kind": "VirtualMachine", "name": "vm" } });
    let mut told = web_with(&json!([of_pod("10.0.0.1", "pod-1", "node-a"), other]));
    let service = told.service("web").unwrap();
    assert!(service.endpoints[0].awaits_pod && service.endpoints[0].workload.is_none());
    assert!(!service.endpoints[1].awaits_pod, "it is no pod");
    told.apply::<Pod>(&pod("pod-1", &json!({ "app": "web" })));
    let endpoint = &told.service("web").unwrap().endpoints[0];
    assert!(!endpoint.awaits_pod);
    let workload = endpoint.workload.as_deref().unwrap();
    assert_eq!((&*workload.name, &*workload.service_account), ("web", "web-account"));
    assert_eq!(workload.labels["app"], "web");
}

#[test]
fn pods_that_say_the_same_share_their_workload() {
    let mut told = web_with(&json!([of_pod("10.0.0.1", "pod-1", "node-a"), of_pod("10.0.0.2", "pod-2", "node-a")]));
    for name in ["pod-1", "pod-2"] {
        told.apply::<Pod>(&pod(name, &json!({})));
    }
    let service = told.service("web").unwrap();
    let workload = |endpoint: usize| service.endpoints[endpoint].workload.clone().unwrap();
    assert!(Arc::ptr_eq(&workload(0), &workload(1)));
}

#[test]
fn only_services_that_something_changed_for_are_made_again() {
    let mut told = web_with(&json!([of_pod("10.0.0.1", "pod-1", "node-a")]));
    told.apply::<Service>(&with(web(&json!({})), "/metadata/name", json!("other")));
    let (web_before, other_before) = (told.service("web").unwrap(), told.service("other").unwrap());
    told.apply::<EndpointSlice>(&slice("a", &json!([ready("10.0.0.2")])));
    assert!(!Arc::ptr_eq(&told.service("web").unwrap(), &web_before));
    assert!(Arc::ptr_eq(&told.service("other").unwrap(), &other_before));
}

#[test]
fn what_says_the_same_as_before_changes_nothing() {
    let endpoints = json!([of_pod("10.0.0.1", "pod-1", "node-a")]);
    let mut told = web_with(&endpoints);
    told.apply::<Pod>(&pod("pod-1", &json!({}))).apply::<Node>(&node("node-a", &json!({})));
    let before = told.service("web").unwrap();
    let newer = with(slice("a", &endpoints), "/metadata/resourceVersion", json!("2"));
    told.apply::<EndpointSlice>(&newer).apply::<Pod>(&pod("pod-1", &json!({})));
    told.apply::<Pod>(&pod("of-no-service", &json!({})));
    told.list::<EndpointSlice>(&[newer]).list::<Node>(&[node("node-a", &json!({}))]);
    assert!(!told.index.has_changed());
    assert!(Arc::ptr_eq(&told.service("web").unwrap(), &before));
}

#[test]
fn nodes_have_their_internal_addresses_and_are_ready_unless_they_say_otherwise() {
    let mut told = Told::default();
    told.apply::<Node>(&node("a", &json!({})));
    told.apply::<Node>(&node("b", &json!({ "node.kubernetes.io/exclude-from-external-load-balancers": "" })));
    told.apply::<Node>(&with(
        node("c", &json!({})),
        "/status/conditions",
        json!([{ "type": "Ready", "status": "Unknown" }]),
    ));
    told.apply::<Node>(&with(node("d", &json!({})), "/status/conditions", json!(null)));
    let addresses = json!([
        { "type": "ExternalIP", "address": "1.2.3.4" }, { "type": "InternalIP", "address": "fd00::1" },
        { "type": "InternalIP", "address": "nonsense" }, { "type": "InternalIP", "address": "10.0.0.1" },
    ]);
    told.apply::<Node>(&with(node("e", &json!({})), "/status/addresses", addresses));
    let nodes = told.cluster().nodes;
    let is_ready: Vec<bool> = nodes.values().map(|node| node.ready).collect();
    assert_eq!(is_ready, [true, false, false, false, true]);
    let addresses: Vec<String> = nodes["e"].addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["fd00::1", "10.0.0.1"]);
    told.delete::<Node>(ObjectName::new("", "a"));
    assert_eq!(told.cluster().nodes.len(), 4);
}

#[test]
fn a_pod_has_the_weight_that_its_annotation_says() {
    let mut told = web_with(&json!([of_pod("10.0.0.1", "web-1", "node-a")]));
    let mut weight_of = |annotations: Value| {
        told.apply::<Pod>(&with(pod("web-1", &json!({})), "/metadata/annotations", annotations));
        told.service("web").unwrap().endpoints[0].weight.get()
    };
    assert_eq!(weight_of(json!(null)), 1);
    assert_eq!(weight_of(json!({ "evenkeel.dev/weight": "3", "other": "4" })), 3);
    assert_eq!(weight_of(json!({ "evenkeel.dev/weight": "129" })), 1);
    assert_eq!(weight_of(json!({ "other": "4" })), 1);
}
