use super::Targets;
use crate::model::{Cluster, Endpoint, Service, ServiceName, ServicePort};
use crate::xds::{Resource, ResourceType};
use evenkeel_proto::envoy::config::cluster::v3 as cluster;
use evenkeel_proto::envoy::config::core::v3::ApiVersion;
use evenkeel_proto::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use evenkeel_proto::envoy::config::listener::v3::Listener;
use evenkeel_proto::envoy::config::route::v3 as route;
use evenkeel_proto::envoy::extensions::filters::network::http_connection_manager::v3 as manager;
use evenkeel_proto::google::protobuf::Any;
use prost::Message;
use std::collections::BTreeSet;
use std::sync::Arc;

const NAME: &str = "greeter.shop:8080";
/// All but endpoints.
const TYPES: [ResourceType; 3] = [ResourceType::Listener, ResourceType::RouteConfiguration, ResourceType::Cluster];

fn service(name: &str, ports: &[u16]) -> Service {
    let ports = ports.iter().map(|port| ServicePort::new(format!("port-{port}"), *port)).collect();
    Service { ports, ..Service::new(ServiceName::new("shop", name)) }
}

fn cluster(services: impl IntoIterator<Item = Service>) -> Arc<Cluster> {
    Arc::new(Cluster { services: services.into_iter().collect(), ..Cluster::default() })
}

fn targets(services: impl IntoIterator<Item = Service>) -> Targets {
    Targets::default().next(cluster(services)).0
}

fn names(targets: &Targets) -> Vec<&str> {
    targets.names().collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

fn decode<M: Message + Default>(resource: &Resource) -> M {
    let [_, any] = resource.sotw_field();
    M::decode(Any::decode(any.clone()).unwrap().value).unwrap()
}

#[test]
fn the_listener_leads_to_the_routes_of_its_name_by_ads() {
    let targets = targets([service("greeter", &[8080])]);
    let listener: Listener = decode(&targets.get(ResourceType::Listener, NAME).unwrap());
    let any = listener.api_listener.unwrap().api_listener.unwrap();
    let url = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    assert_eq!((listener.name.as_str(), any.type_url), (NAME, format!("type.googleapis.com/{url}")));
    let manager = manager::HttpConnectionManager::decode(any.value).unwrap();
    let Some(manager::http_connection_manager::RouteSpecifier::Rds(rds)) = manager.route_specifier else {
        panic!("no rds")
    };
    let source = rds.config_source.unwrap();
    assert!(matches!(source.config_source_specifier, Some(ConfigSourceSpecifier::Ads(_))));
    assert_eq!((rds.route_config_name.as_str(), source.resource_api_version()), (NAME, ApiVersion::V3));
}

/// A client that finds no router last rejects the listener (gRPC proposal A39).
#[test]
fn the_only_filter_of_the_listener_is_the_router() {
    let targets = targets([service("greeter", &[8080])]);
    let listener: Listener = decode(&targets.get(ResourceType::Listener, NAME).unwrap());
    let any = listener.api_listener.unwrap().api_listener.unwrap();
    let filters = manager::HttpConnectionManager::decode(any.value).unwrap().http_filters;
    let urls: Vec<_> = filters
        .into_iter()
        .map(|filter| {
            let Some(manager::http_filter::ConfigType::TypedConfig(any)) = filter.config_type else {
                panic!("no type")
            };
            any.type_url
        })
        .collect();
    assert_eq!(urls, ["type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"]);
}

#[test]
fn the_routes_lead_every_call_to_the_cluster() {
    let targets = targets([service("greeter", &[8080])]);
    let routes: route::RouteConfiguration = decode(&targets.get(ResourceType::RouteConfiguration, NAME).unwrap());
    assert_eq!(routes.name, NAME);
    let [host] = <[_; 1]>::try_from(routes.virtual_hosts).unwrap();
    assert_eq!(host.domains, ["*"]);
    let [route] = <[_; 1]>::try_from(host.routes).unwrap();
    let path = route.r#match.unwrap().path_specifier;
    assert_eq!(path, Some(route::route_match::PathSpecifier::Prefix(String::new())));
    let Some(route::route::Action::Route(action)) = route.action else { panic!("no route") };
    assert_eq!(action.cluster_specifier, Some(route::route_action::ClusterSpecifier::Cluster(NAME.to_owned())));
}

#[test]
fn the_cluster_balances_over_the_pods_view_by_ads() {
    let targets = targets([service("greeter", &[8080])]);
    let resource = targets.get(ResourceType::Cluster, NAME).unwrap();
    assert_eq!(resource.assignment(), Some("pods/shop/greeter:8080"));
    let cluster: cluster::Cluster = decode(&resource);
    assert_eq!((cluster.name.as_str(), cluster.lb_policy()), (NAME, cluster::cluster::LbPolicy::RoundRobin));
    let eds = cluster::cluster::DiscoveryType::Eds.into();
    assert_eq!(cluster.cluster_discovery_type, Some(cluster::cluster::ClusterDiscoveryType::Type(eds)));
    let eds = cluster.eds_cluster_config.unwrap();
    assert_eq!(eds.service_name, "pods/shop/greeter:8080");
    assert!(matches!(eds.eds_config.unwrap().config_source_specifier, Some(ConfigSourceSpecifier::Ads(_))));
}

#[test]
fn every_port_of_every_service_is_a_target_and_nothing_else_is() {
    let targets = targets([service("greeter", &[8080, 80]), service("basket", &[80]), service("portless", &[])]);
    assert_eq!(names(&targets), ["basket.shop:80", "greeter.shop:80", "greeter.shop:8080"]);
    for name in ["", "greeter", "greeter.shop", "greeter.shop:81", "greeter.shop:080", "greeter.default:80"] {
        assert!(!targets.contains(name), "{name}");
        assert!(TYPES.into_iter().all(|resource_type| targets.get(resource_type, name).is_none()), "{name}");
    }
}

#[test]
fn endpoints_do_not_change_a_target() {
    let before = targets([service("greeter", &[8080])]);
    let resources = TYPES.map(|resource_type| before.get(resource_type, NAME).unwrap());
    let endpoints = vec![Endpoint::new([10, 0, 0, 1].into(), Arc::default())];
    let (after, changed) = before.next(cluster([Service { endpoints, ..service("greeter", &[8080]) }]));
    assert_eq!(changed, set(&[]));
    for (resource_type, resource) in TYPES.into_iter().zip(resources) {
        assert!(Arc::ptr_eq(&resource, &after.get(resource_type, NAME).unwrap()));
    }
}

#[test]
fn ports_and_services_come_and_go() {
    let first = targets([service("basket", &[80]), service("greeter", &[80, 81])]);
    let (second, changed) = first.next(cluster([service("greeter", &[81, 82]), service("orders", &[80])]));
    assert_eq!(changed, set(&["basket.shop:80", "greeter.shop:80", "greeter.shop:82", "orders.shop:80"]));
    assert_eq!(names(&second), ["greeter.shop:81", "greeter.shop:82", "orders.shop:80"]);
    assert_eq!(names(&first), ["basket.shop:80", "greeter.shop:80", "greeter.shop:81"]);
}

#[test]
fn versions_are_the_same_after_a_restart() {
    let versions = |targets: Targets| TYPES.map(|resource_type| targets.get(resource_type, NAME).unwrap().version());
    let fresh = versions(targets([service("greeter", &[8080])]));
    let gone_and_back = targets([service("greeter", &[8080])]).next(cluster([])).0;
    assert_eq!(versions(gone_and_back.next(cluster([service("greeter", &[8080, 1])])).0), fresh);
}

#[test]
fn the_first_targets_are_those_after_nothing() {
    let cluster = || cluster([service("greeter", &[80, 8080])]);
    let (first, (next, _)) = (Targets::first(cluster()), Targets::default().next(cluster()));
    assert!(first.names().eq(next.names()) && first.names().count() == 2);
    let (_, changed) = first.next(Arc::default());
    assert!(changed.iter().eq(next.names()), "what is gone is known");
}
