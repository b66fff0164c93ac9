use super::*;
use crate::check::{chains, drain, outbound, plugin};

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

const REVIEWS: &str = "outbound|80||reviews.shop.svc.cluster.local";

/// The example with `evenkeel.outbound` in the place of `evenkeel.request`, and one cluster of Istio.
fn with_outbound() -> Dump {
    let mut dump = Dump::example();
    let config = dump.config.to_string().replace("evenkeel.request", "evenkeel.outbound");
    dump.config = serde_json::from_str(&config.replace(r#""backend""#, &format!("{REVIEWS:?}"))).unwrap();
    dump.stats = dump.stats.replace("evenkeel.request", "evenkeel.outbound");
    dump.settings(&json!({"inbound": {"maxAge": "30m"}}));
    destinations(&mut dump, &json!([{"host": "reviews.shop.svc.cluster.local", "maxAge": "10m"}]));
    dump
}

/// As a sidecar has it for what its workload opens: nothing else of ours is in the chain.
fn alone() -> Dump {
    let mut dump = with_outbound();
    dump.filters().remove(0);
    dump.remove_http_filter("evenkeel.drain");
    let is_connection = |section: &Value| section["ecds_filters"][0]["ecds_filter"]["name"] == "evenkeel.connection";
    dump.config["configs"].as_array_mut().unwrap().retain(|section| !is_connection(section));
    dump
}

fn destinations(dump: &mut Dump, destinations: &Value) {
    let settings = json!({"outbound": {"destinations": destinations}});
    dump.plugin("evenkeel.outbound")["configuration"]["value"] = json!(settings.to_string());
}

#[test]
fn a_chain_with_capped_destinations_needs_nothing_of_connections() {
    assert_eq!(alone().findings(), []);
    assert_eq!(with_outbound().findings(), []);
}

#[test]
fn the_key_of_a_destination_is_handed_on_by_a_filter_behind() {
    let mut dump = alone();
    dump.http_filters().swap(0, 1);
    assert_eq!(dump.finding().rule, &outbound::LATE_KEY);
    let mut dump = alone();
    dump.remove_http_filter("evenkeel.pool");
    assert_eq!(dump.finding().rule, &outbound::NO_POOL);
    let mut dump = alone();
    let outbound = dump.remove_http_filter("evenkeel.outbound");
    dump.http_filters().push(outbound);
    assert_eq!(dump.codes(), [drain::AFTER_ROUTER.code, outbound::LATE_KEY.code]);
    let mut dump = alone();
    let outbound = dump.http_filter("evenkeel.outbound").clone();
    dump.http_filters().insert(0, outbound);
    assert_eq!(dump.finding().rule, &chains::TWICE);
}

#[test]
fn destinations_that_nobody_can_choose_keys_for() {
    let mut dump = alone();
    dump.remove_http_filter("evenkeel.outbound");
    let finding = dump.finding();
    assert_eq!((finding.rule, finding.place.listener.as_str()), (&outbound::NO_OUTBOUND, "gateway"));
    dump.remove_http_filter("evenkeel.pool");
    let finding = dump.finding();
    assert_eq!((finding.rule, finding.place.filter.as_str()), (&outbound::NO_OUTBOUND, "evenkeel.outbound"));
    let mut dump = Dump::example();
    dump.settings(&json!({
        "inbound": {"maxRequests": 10}, "outbound": {"destinations": [{"host": "backend", "maxRequests": 10}]},
    }));
    assert_eq!(dump.codes(), [outbound::NO_OUTBOUND.code, outbound::KEY_WITHOUT_SETTINGS.code]);
}

#[test]
fn there_is_one_place_for_the_key() {
    let mut dump = with_outbound();
    dump.settings(&json!({"inbound": {"maxAge": "30m"}, "outbound": {"maxAge": "10m"}}));
    assert_eq!(dump.finding().rule, &outbound::TWO_KEYS);
}

#[test]
fn without_destinations_there_is_nothing_to_do() {
    for none in [json!([]), json!([{"host": "reviews.shop.svc.cluster.local"}])] {
        let mut dump = alone();
        destinations(&mut dump, &none);
        assert_eq!(dump.finding().rule, &outbound::KEY_WITHOUT_SETTINGS);
    }
}

#[test]
fn the_idle_timeout_fits_the_destinations_own_age() {
    let cases = [
        (json!([{"host": "reviews.shop.svc.cluster.local", "maxAge": "9m"}]), Some(&outbound::LONG_IDLE)),
        (json!([{"host": "reviews.shop.svc.cluster.local", "maxAge": "20m"}]), None),
        (json!([{"host": "reviews.shop.svc.cluster.local", "maxAge": "21m"}]), Some(&outbound::SHORT_IDLE)),
        (json!([{"host": "reviews.shop.svc.cluster.local", "maxRequests": 9}]), None),
        (json!([{"host": "ratings.shop.svc.cluster.local", "maxAge": "1m"}]), None),
    ];
    for (listed, rule) in cases {
        let mut dump = alone();
        destinations(&mut dump, &listed);
        assert_eq!(dump.codes(), rule.map(|rule| rule.code).into_iter().collect::<Vec<_>>(), "{listed}");
        let of_destination = |finding: &Finding| finding.message.contains("maxAge of the destination reviews.shop");
        assert!(dump.findings().iter().all(of_destination), "{listed}");
    }
}

#[test]
fn a_plugin_of_destinations_is_looked_at_as_the_others_are() {
    let mut dump = alone();
    destinations(&mut dump, &json!([{"host": "*.shop"}]));
    assert!(dump.codes().contains(&plugin::WRONG_SETTINGS.code), "{:?}", dump.codes());
    let mut dump = alone();
    dump.plugin("evenkeel.outbound")["root_id"] = json!("evenkeel.connection");
    assert!(dump.codes().contains(&plugin::WRONG_ROOT.code), "{:?}", dump.codes());
    let mut dump = alone();
    dump.plugin("evenkeel.outbound").as_object_mut().unwrap().remove("configuration");
    assert!(dump.codes().contains(&plugin::NO_TEXT.code), "{:?}", dump.codes());
    let mut dump = alone();
    dump.http_filter("evenkeel.outbound")["config_discovery"]["default_config"] = Value::Null;
    assert_eq!(dump.finding().rule, &plugin::NO_DEFAULT);
    let mut dump = alone();
    dump.stat("wasm.evenkeel.outbound.vm_reload: 0", "wasm.evenkeel.outbound.vm_reload: 3");
    assert_eq!(dump.finding().rule, &plugin::TRAPPED);
}
