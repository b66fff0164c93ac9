use super::*;
use crate::model::{Health, ServiceName};

const RIGHT: &str = "
services:
- name: gateway
  namespace: istio-system
  ports:
  - {name: http, port: 80}
  - {name: grpc, port: 81}
  endpoints:
  - address: 127.0.0.1
    ports: {http: 8080}
    weight: 2
    locality: {region: r, zone: z, subZone: s}
  - address: fd00::1
    ready: false
- name: idle
  ports: []
  endpoints: []
";

/// The problem with `RIGHT` after a replacement.
fn problem(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "{from}");
    parse(&RIGHT.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn a_right_file_is_what_it_says() {
    let services = parse(RIGHT).unwrap();
    assert_eq!(services.len(), 2);
    let gateway = services.get(&ServiceName::new("istio-system", "gateway")).unwrap();
    let [first, second] = gateway.endpoints.as_slice() else { panic!("two endpoints") };
    assert_eq!(*first.ports, [("http".to_owned(), 8080), ("grpc".to_owned(), 81)].into());
    assert_eq!((first.weight.get(), first.health), (2, Health::Ready));
    assert_eq!((&*first.locality.region, &*first.locality.zone, &*first.locality.sub_zone), ("r", "z", "s"));
    assert_eq!((second.weight.get(), second.health), (1, Health::NotReady));
    assert_eq!(*second.ports, [("http".to_owned(), 80), ("grpc".to_owned(), 81)].into());
}

#[test]
fn a_service_without_namespace_is_in_default() {
    let services = parse("services: [{name: a, ports: [{port: 80}], endpoints: [{address: 10.0.0.1}]}]").unwrap();
    let service = services.get(&ServiceName::new("default", "a")).unwrap();
    assert_eq!(*service.endpoints[0].ports, [(String::new(), 80)].into());
}

#[test]
fn an_unknown_field_is_an_error_with_its_place() {
    let problem = problem("    weight: 2", "    wieght: 2");
    assert!(problem.starts_with("line 11, column 5: services[0].endpoints[0].wieght: "), "{problem}");
    assert!(problem.contains("`wieght`") && problem.contains("weight"), "{problem}");
}

#[test]
fn a_value_of_another_type_is_an_error_with_its_place_and_what_was_found() {
    let problem = problem("port: 80}", "port: eighty}");
    assert!(problem.starts_with("line 6, column 24: services[0].ports[0].port: "), "{problem}");
    assert!(problem.ends_with("found `eighty`"), "{problem}");
}

#[test]
fn what_is_only_half_written_is_an_error() {
    for text in ["", "services:", "services:\n", "services:\n- nam", "services:\n- name: a\n", "serv"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert_eq!(
        problem("  endpoints: []", "  endpoints:"),
        "line 17, column 12: services[1].endpoints: there is no list here; write `[]` if it is meant to be empty"
    );
}

#[test]
fn services_need_names_of_their_own() {
    assert_eq!(
        problem("- name: idle", "- name: gateway\n  namespace: istio-system"),
        "line 15, column 9: services[1].name: service istio-system/gateway is in the file twice; merge them or rename one"
    );
    assert!(problem("name: idle", "name: a/b").contains("\"a/b\" is no Kubernetes name"));
    assert!(
        problem("namespace: istio-system", "namespace: ''").starts_with("line 4, column 14: services[0].namespace")
    );
}

#[test]
fn ports_need_names_and_numbers_of_their_own() {
    assert_eq!(
        problem("name: grpc", "name: http"),
        "line 7, column 12: services[0].ports[1].name: service istio-system/gateway has two ports named \"http\"; \
         give each a name of its own"
    );
    assert!(problem("port: 81", "port: 80").contains("has port 80 twice"));
    for wrong in ["0", "65536", "-1"] {
        let problem = problem("port: 81", &format!("port: {wrong}"));
        let expected = format!("service istio-system/gateway: {wrong} is no port; use 1 to 65535");
        assert_eq!(problem, format!("line 7, column 24: services[0].ports[1].port: {expected}"));
    }
}

#[test]
fn endpoints_need_an_address_a_weight_and_ports_that_the_service_has() {
    assert_eq!(
        problem("address: 127.0.0.1", "address: localhost"),
        "line 9, column 14: services[0].endpoints[0].address: service istio-system/gateway: \"localhost\" is no IP \
         address; use one such as 10.0.0.7 or fd00::7"
    );
    for wrong in ["0", "129"] {
        assert!(problem("weight: 2", &format!("weight: {wrong}")).contains("is no weight; use 1 to 128"));
    }
    assert_eq!(
        problem("{http: 8080}", "{htpp: 8080}"),
        "line 10, column 19: services[0].endpoints[0].ports.htpp: service istio-system/gateway has no port named \
         \"htpp\"; use one of [\"http\", \"grpc\"] or add it to the service's `ports`"
    );
    assert!(problem("{http: 8080}", "{http: 0}").contains("0 is no port"));
}
