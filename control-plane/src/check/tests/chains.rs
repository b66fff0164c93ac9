use super::*;
use crate::check::{chains, drain, state};

#[test]
fn an_envoy_without_anything_of_evenkeel() {
    let mut dump = Dump::example();
    dump.filters().remove(0);
    for name in ["evenkeel.request", "evenkeel.drain", "evenkeel.pool"] {
        dump.remove_http_filter(name);
    }
    dump.config["configs"].as_array_mut().unwrap().retain(|section| section.get("ecds_filters").is_none());
    assert_eq!(dump.finding().rule, &chains::NOT_INSTALLED);
}

#[test]
fn a_chain_without_the_filter_is_named() {
    let mut dump = Dump::example();
    let mut other = dump.listener()["filter_chains"][0].clone();
    other["name"] = json!("https");
    other["filters"].as_array_mut().unwrap().remove(0);
    dump.listener()["filter_chains"].as_array_mut().unwrap().push(other);
    let finding = dump.finding();
    assert_eq!(
        (finding.rule, finding.place.to_string().as_str()),
        (&chains::MISSING, "listener gateway, filter chain https")
    );
}

#[test]
fn a_chain_has_other_filters_and_not_this_one() {
    let mut dump = Dump::example();
    dump.filters().remove(0);
    assert_eq!(dump.finding().rule, &chains::MISSING);
}

#[test]
fn chains_that_do_not_speak_http_hold_no_filter() {
    let tcp = json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": {"@type": "x/a.TcpProxy"}});
    let mut dump = Dump::example();
    let connection = dump.filters()[0].clone();
    let chains = dump.listener()["filter_chains"].as_array_mut().unwrap();
    chains.push(json!({"name": "tcp", "filters": [tcp]}));
    assert_eq!(dump.findings(), []);
    dump.listener()["filter_chains"][1]["filters"] = json!([connection, tcp]);
    assert_eq!(dump.finding().rule, &chains::NO_HTTP);
}

#[test]
fn the_default_chain_counts_as_well() {
    let mut dump = Dump::example();
    let mut chain = dump.listener()["filter_chains"][0].clone();
    chain["filters"].as_array_mut().unwrap().remove(0);
    dump.listener()["default_filter_chain"] = chain;
    assert_eq!(dump.finding().place.filter_chain, "default");
}

#[test]
fn the_order_of_network_filters() {
    let mut dump = Dump::example();
    dump.filters().swap(0, 1);
    assert_eq!(dump.finding().rule, &chains::AFTER_MANAGER);
}

#[test]
fn two_policies_insert_the_same() {
    let mut dump = Dump::example();
    let connection = dump.filters()[0].clone();
    dump.filters().insert(0, connection);
    assert_eq!(dump.finding().rule, &chains::TWICE);
    let mut dump = Dump::example();
    let drain = dump.http_filter("evenkeel.drain").clone();
    dump.http_filters().insert(1, drain);
    assert_eq!(dump.finding().place.filter, "evenkeel.drain");
}

#[test]
fn http3_is_out_of_reach() {
    let mut dump = Dump::example();
    let mut quic = dump.section("ListenersConfigDump")["static_listeners"][0].clone();
    quic["listener"]["name"] = json!("http3");
    quic["listener"]["udp_listener_config"] = json!({"quic_options": {}});
    quic["listener"]["filter_chains"][0]["filters"].as_array_mut().unwrap().remove(0);
    let http =
        quic["listener"]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"].as_array_mut().unwrap();
    http.retain(|filter| filter["name"] == "envoy.filters.http.router");
    dump.section("ListenersConfigDump")["static_listeners"].as_array_mut().unwrap().push(quic);
    let finding = dump.finding();
    assert_eq!((finding.rule, finding.place.listener.as_str()), (&chains::HTTP3, "http3"));
}

#[test]
fn nobody_drains() {
    let mut dump = Dump::example();
    dump.remove_http_filter("evenkeel.drain");
    assert_eq!(dump.finding().rule, &drain::NO_DRAIN);
}

#[test]
fn the_order_of_http_filters() {
    let mut dump = Dump::example();
    dump.http_filters().swap(0, 1);
    assert_eq!(dump.finding().rule, &drain::REQUEST_AFTER_DRAIN);
    let mut dump = Dump::example();
    let pool = dump.remove_http_filter("evenkeel.pool");
    dump.http_filters().push(pool);
    assert_eq!(dump.finding().rule, &drain::AFTER_ROUTER);
}

#[test]
fn the_matcher_of_the_drain_filter() {
    let predicate = "/xds_matcher/matcher_list/matchers/0/predicate/not_matcher/single_predicate";
    let faults = [
        (format!("{predicate}/input/typed_config/key"), json!("wasm.drain")),
        (format!("{predicate}/value_match/exact"), json!("yes")),
        ("/xds_matcher/matcher_list/matchers/0/on_match/action/typed_config".to_owned(), json!({"@type": "x/a.Other"})),
        ("/xds_matcher".to_owned(), Value::Null),
    ];
    for (path, value) in faults {
        let mut dump = Dump::example();
        *dump.http_filter("evenkeel.drain")["typed_config"].pointer_mut(&path).unwrap() = value;
        assert_eq!(dump.finding().rule, &drain::WRONG_MATCHER, "{path}");
    }
    let mut dump = Dump::example();
    let lua = dump.http_filter("evenkeel.drain")["typed_config"]["extension_config"]["typed_config"].clone();
    dump.http_filter("evenkeel.drain")["typed_config"] = lua;
    assert!(dump.finding().message.contains("runs for every response"));
}

#[test]
fn the_script_of_the_drain_filter() {
    let mut dump = Dump::example();
    let lua = &mut dump.http_filter("evenkeel.drain")["typed_config"]["extension_config"]["typed_config"];
    lua["default_source_code"]["inline_string"] = json!("function envoy_on_response(handle) end");
    assert_eq!(dump.finding().rule, &drain::WRONG_SCRIPT);
}

#[test]
fn the_drain_timeout() {
    for (timeout, is_short) in [("0s", true), ("0.500s", true), ("1s", false)] {
        let mut dump = Dump::example();
        dump.manager()["drain_timeout"] = json!(timeout);
        assert_eq!(dump.codes(), if is_short { vec![drain::SHORT_DRAIN.code] } else { vec![] }, "{timeout}");
    }
}

#[test]
fn requests_are_seen_where_the_settings_need_it() {
    let mut dump = Dump::example();
    dump.remove_http_filter("evenkeel.request");
    let finding = dump.finding();
    assert_eq!(finding.rule, &drain::NO_REQUEST);
    assert_eq!(finding.message, "needed by inbound.maxRequests, inbound.streamGrace, outbound.maxRequests");
    let mut dump = Dump::example();
    dump.settings(&json!({"inbound": {"maxAge": "30m"}, "outbound": {"maxAge": "10m"}}));
    assert_eq!(dump.finding().rule, &drain::NEEDLESS_REQUEST);
}

#[test]
fn what_envoy_refuses_is_told_in_its_words() {
    let mut dump = Dump::example();
    dump.section("ListenersConfigDump")["dynamic_listeners"] =
        json!([{"name": "new", "error_state": {"details": "no such filter"}}]);
    let finding = dump.finding();
    assert_eq!((finding.rule, finding.message.as_str()), (&state::LISTENER_REFUSED, "no such filter"));
    let refused = json!({"details": "no such filter", "failed_configuration": {"name": "new"}});
    let again = json!({"error_state": refused});
    dump.section("ListenersConfigDump")["dynamic_listeners"].as_array_mut().unwrap().push(again);
    assert_eq!(dump.finding().place.listener, "new");
    let mut dump = Dump::example();
    dump.section("ClustersConfigDump")["static_clusters"][0]["error_state"] = json!({"details": "no such cluster"});
    assert_eq!(dump.finding().rule, &state::CLUSTER_REFUSED);
    let mut dump = Dump::example();
    dump.section("ListenersConfigDump")["dynamic_listeners"] =
        json!([{"name": "new", "warming_state": {"listener": {"name": "new"}}}]);
    assert_eq!(dump.finding().rule, &state::WARMING);
}

#[test]
fn the_version_of_envoy() {
    let mut dump = Dump::example();
    let version = "/bootstrap/node/user_agent_build_version/version/minor_number";
    *dump.section("BootstrapConfigDump").pointer_mut(version).unwrap() = json!(36);
    let finding = dump.finding();
    assert_eq!((finding.rule, finding.message.as_str()), (&state::OLD_ENVOY, "it is 1.36"));
    dump.section("BootstrapConfigDump")["bootstrap"] = Value::Null;
    assert_eq!(dump.finding().rule, &state::UNKNOWN_ENVOY);
}
