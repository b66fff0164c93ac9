use super::*;
use crate::check::outbound;

const OPTIONS: &str = "/typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

#[test]
fn nobody_hands_the_key_on() {
    let mut dump = Dump::example();
    dump.remove_http_filter("evenkeel.pool");
    assert_eq!(dump.finding().rule, &outbound::NO_POOL);
    let mut dump = Dump::example();
    dump.settings(&json!({"inbound": {"maxRequests": 10}}));
    assert_eq!(dump.finding().rule, &outbound::KEY_WITHOUT_SETTINGS);
}

#[test]
fn the_key_is_a_part_of_the_pool() {
    let faults = [
        ("shared_with_upstream", json!("NONE")),
        ("factory_key", json!("envoy.string")),
        ("format_string", json!({"text_format_source": {"inline_string": "%START_TIME%"}})),
    ];
    for (field, value) in faults {
        let mut dump = Dump::example();
        dump.http_filter("evenkeel.pool")["typed_config"]["on_request_headers"][0][field] = value;
        assert_eq!(dump.finding().rule, &outbound::WRONG_POOL, "{field}");
    }
    let mut dump = Dump::example();
    dump.http_filter("evenkeel.pool")["typed_config"]["on_request_headers"][0]["factory_key"] =
        json!("envoy.hashable_string");
    assert_eq!(dump.findings(), []);
}

#[test]
fn the_idle_timeout_fits_the_rotation() {
    let cases = [
        (Some("0s"), Some(&outbound::LONG_IDLE)),
        (None, Some(&outbound::LONG_IDLE)),
        (Some("1201s"), Some(&outbound::LONG_IDLE)),
        (Some("600s"), None),
        (Some("599s"), Some(&outbound::SHORT_IDLE)),
    ];
    for (timeout, rule) in cases {
        let mut dump = Dump::example();
        let options = dump.cluster().pointer_mut(OPTIONS).unwrap();
        options["common_http_protocol_options"]["idle_timeout"] = timeout.map_or(Value::Null, |timeout| json!(timeout));
        assert_eq!(dump.codes(), rule.map(|rule| rule.code).into_iter().collect::<Vec<_>>(), "{timeout:?}");
    }
}

#[test]
fn clusters_are_found_through_discovered_and_weighted_routes() {
    let mut dump = Dump::example();
    let route = json!({"route": {"weighted_clusters": {"clusters": [{"name": "backend", "weight": 1}]}}});
    let routes = json!({"name": "80", "virtual_hosts": [{"routes": [route]}]});
    dump.section("RoutesConfigDump")["dynamic_route_configs"] = json!([{"route_config": routes}]);
    dump.manager()["route_config"] = Value::Null;
    dump.manager()["rds"] = json!({"route_config_name": "80"});
    dump.cluster()["typed_extension_protocol_options"] = Value::Null;
    assert_eq!(dump.finding().rule, &outbound::LONG_IDLE);
}

#[test]
fn circuit_breakers_leave_room() {
    let mut dump = Dump::example();
    dump.cluster()["circuit_breakers"] = json!({"thresholds": [{"max_connections": 100}]});
    dump.clusters["cluster_statuses"][0]["host_statuses"][0]["stats"] = json!([{"name": "cx_active", "value": "33"}]);
    assert_eq!(dump.findings(), [], "33 x 3 are 99");
    dump.clusters["cluster_statuses"][0]["host_statuses"][0]["stats"] = json!([{"name": "cx_active", "value": "34"}]);
    assert_eq!(dump.finding().rule, &outbound::FEW_CONNECTIONS);
    dump.stat("cluster.backend.upstream_cx_overflow: 0", "cluster.backend.upstream_cx_overflow: 7");
    assert_eq!(dump.finding().rule, &outbound::OVERFLOWS);
}
