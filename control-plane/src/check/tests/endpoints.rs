use super::*;
use crate::check::endpoints;

/// A cluster that takes endpoints from Evenkeel, and the cluster that leads there.
fn taken_over() -> Dump {
    let mut dump = Dump::example();
    let service = json!({"envoy_grpc": {"cluster_name": "evenkeel-xds"}});
    let source = json!({"api_type": "DELTA_GRPC", "grpc_services": [service]});
    let eds_config = json!({"initial_fetch_timeout": "60s", "api_config_source": source});
    let cart = json!({"name": "cart", "type": "EDS", "eds_cluster_config": {"eds_config": eds_config}});
    let xds = json!({"name": "evenkeel-xds", "http2_protocol_options": {}});
    dump.section("ClustersConfigDump")["dynamic_active_clusters"] = json!([{"cluster": cart}, {"cluster": xds}]);
    let assignment = json!({"cluster_name": "cart", "endpoints": [{"lb_endpoints": [{}]}]});
    dump.section("EndpointsConfigDump")["dynamic_endpoint_configs"] = json!([{"endpoint_config": assignment}]);
    dump
}

fn cart(dump: &mut Dump) -> &mut Value {
    &mut dump.section("ClustersConfigDump")["dynamic_active_clusters"][0]["cluster"]["eds_cluster_config"]["eds_config"]
}

#[test]
fn a_good_take_over_has_no_fault() {
    assert_eq!(taken_over().findings(), []);
}

#[test]
fn how_long_a_start_waits_for_endpoints() {
    for (timeout, rule) in [("0s", &endpoints::WAITS_FOR_EVER), ("5s", &endpoints::SHORT_WAIT)] {
        let mut dump = taken_over();
        cart(&mut dump)["initial_fetch_timeout"] = json!(timeout);
        assert_eq!(dump.finding().rule, rule);
    }
    let mut dump = taken_over();
    cart(&mut dump).as_object_mut().unwrap().remove("initial_fetch_timeout");
    assert_eq!(dump.finding().message, "initial_fetch_timeout is 15s");
}

#[test]
fn the_kind_and_number_of_servers() {
    let mut dump = taken_over();
    cart(&mut dump)["api_config_source"]["api_type"] = json!("GRPC");
    assert_eq!(dump.finding().rule, &endpoints::NOT_DELTA);
    let mut dump = taken_over();
    let services = cart(&mut dump)["api_config_source"]["grpc_services"].as_array_mut().unwrap();
    services.push(services[0].clone());
    assert_eq!(dump.finding().rule, &endpoints::TWO_SERVERS);
}

#[test]
fn the_cluster_that_leads_to_the_server() {
    let mut dump = taken_over();
    dump.section("ClustersConfigDump")["dynamic_active_clusters"][1]["cluster"]["http2_protocol_options"] = Value::Null;
    assert_eq!(dump.finding().rule, &endpoints::NOT_HTTP2);
    dump.section("ClustersConfigDump")["dynamic_active_clusters"].as_array_mut().unwrap().pop();
    assert_eq!(dump.finding().rule, &endpoints::NO_SERVER);
}

#[test]
fn a_cluster_without_endpoints() {
    let mut dump = taken_over();
    dump.section("EndpointsConfigDump")["dynamic_endpoint_configs"][0]["endpoint_config"]["endpoints"] = json!([]);
    assert_eq!(dump.finding().rule, &endpoints::EMPTY);
}
