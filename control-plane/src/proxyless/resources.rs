//! The messages.

use evenkeel_proto::envoy::config::cluster::v3 as cluster;
use evenkeel_proto::envoy::config::cluster::v3::cluster::ClusterDiscoveryType;
use evenkeel_proto::envoy::config::core::v3 as core;
use evenkeel_proto::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use evenkeel_proto::envoy::config::listener::v3 as listener;
use evenkeel_proto::envoy::config::route::v3 as route;
use evenkeel_proto::envoy::extensions::filters::http::router::v3::Router;
use evenkeel_proto::envoy::extensions::filters::network::http_connection_manager::v3 as manager;
use evenkeel_proto::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use evenkeel_proto::envoy::extensions::upstreams::http::v3 as upstream;
use evenkeel_proto::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    UpstreamProtocolOptions, UseDownstreamHttpConfig,
};
use evenkeel_proto::google::protobuf::Any;
use prost::{Message, Name};

/// A listener whose routes have the same name.
pub fn listener(name: &str) -> listener::Listener {
    let rds = manager::Rds { config_source: Some(aggregated()), route_config_name: name.to_owned() };
    let router = manager::http_filter::ConfigType::TypedConfig(packed(&Router {}));
    let manager = manager::HttpConnectionManager {
        stat_prefix: name.to_owned(),
        route_specifier: Some(RouteSpecifier::Rds(rds)),
        http_filters: vec![manager::HttpFilter { name: "router".to_owned(), config_type: Some(router) }],
    };
    let api_listener = Some(listener::ApiListener { api_listener: Some(packed(&manager)) });
    listener::Listener { name: name.to_owned(), api_listener }
}

/// Routes that lead everything to the cluster of the same name, whatever authority the channel was given.
pub fn routes(name: &str) -> route::RouteConfiguration {
    let everything =
        route::RouteMatch { path_specifier: Some(route::route_match::PathSpecifier::Prefix(String::new())) };
    let to_cluster = route::route_action::ClusterSpecifier::Cluster(name.to_owned());
    let to_cluster = route::RouteAction { cluster_specifier: Some(to_cluster) };
    let route = route::Route { r#match: Some(everything), action: Some(route::route::Action::Route(to_cluster)) };
    let host = route::VirtualHost { name: name.to_owned(), domains: vec!["*".to_owned()], routes: vec![route] };
    route::RouteConfiguration { name: name.to_owned(), virtual_hosts: vec![host] }
}

/// A cluster that balances round robin over the endpoints of this assignment.
///
/// An Envoy that takes it speaks HTTP/2 to the endpoints for clients that speak HTTP/2, such as gRPC's, and HTTP/1 for
/// others.
pub fn cluster(name: &str, assignment: &str) -> cluster::Cluster {
    let eds =
        cluster::cluster::EdsClusterConfig { eds_config: Some(aggregated()), service_name: assignment.to_owned() };
    let options = packed(&as_downstream());
    cluster::Cluster {
        name: name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(cluster::cluster::DiscoveryType::Eds.into())),
        eds_cluster_config: Some(eds),
        lb_policy: cluster::cluster::LbPolicy::RoundRobin.into(),
        typed_extension_protocol_options: [(upstream::HttpProtocolOptions::full_name(), options)].into(),
    }
}

fn as_downstream() -> upstream::HttpProtocolOptions {
    let both = UseDownstreamHttpConfig {
        http_protocol_options: Some(core::Http1ProtocolOptions {}),
        http2_protocol_options: Some(core::Http2ProtocolOptions {}),
    };
    let options = UpstreamProtocolOptions::UseDownstreamProtocolConfig(both);
    upstream::HttpProtocolOptions { upstream_protocol_options: Some(options) }
}

fn aggregated() -> core::ConfigSource {
    core::ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(core::AggregatedConfigSource {})),
        resource_api_version: core::ApiVersion::V3.into(),
    }
}

fn packed<M: Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec().into() }
}
