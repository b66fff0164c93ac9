use super::*;
use crate::check::{discovery, plugin, rebalance};

const CONNECTION: &str = "evenkeel.connection";
const REQUEST: &str = "evenkeel.request";

#[test]
fn settings_that_the_filter_refuses() {
    let mut dump = Dump::example();
    dump.settings(&json!({"inbound": {"maxAgee": "1h"}}));
    let found = dump.findings();
    let finding = found.iter().find(|finding| finding.rule == &plugin::WRONG_SETTINGS).unwrap();
    assert_eq!(finding.place.filter, CONNECTION);
    assert!(finding.message.contains("maxAgee"), "{}", finding.message);
}

#[test]
fn a_plugin_that_is_told_nothing() {
    let mut dump = Dump::example();
    dump.plugin(CONNECTION).as_object_mut().unwrap().remove("configuration");
    assert!(dump.codes().contains(&plugin::NO_TEXT.code), "{:?}", dump.codes());
}

#[test]
fn how_a_module_fails() {
    let mut dump = Dump::example();
    dump.plugin(REQUEST)["failure_policy"] = json!("FAIL_CLOSED");
    assert_eq!(dump.finding().rule, &plugin::FAILS_CLOSED);
    dump.plugin(REQUEST).as_object_mut().unwrap().remove("failure_policy");
    assert_eq!(dump.finding().message, "failure_policy is not set");
    dump.plugin(REQUEST)["fail_open"] = json!(true);
    assert_eq!(dump.findings(), []);
}

#[test]
fn both_roots_share_a_machine() {
    let mut dump = Dump::example();
    dump.plugin(REQUEST)["vm_config"]["vm_id"] = json!("other");
    dump.plugin(REQUEST)["vm_config"]["code"]["local"]["filename"] = json!("/other.wasm");
    let finding = dump.finding();
    assert_eq!((finding.rule, finding.message.as_str()), (&plugin::TWO_MACHINES, "vm_config differs in code, vm_id"));
}

#[test]
fn both_roots_have_the_same_settings() {
    let mut dump = Dump::example();
    dump.plugin(REQUEST)["configuration"] = json!({"@type": "x/a.StringValue", "value": "{}"});
    assert_eq!(dump.finding().rule, &plugin::TWO_SETTINGS);
}

#[test]
fn a_root_that_does_not_exist() {
    let mut dump = Dump::example();
    dump.plugin(REQUEST)["root_id"] = json!("request");
    assert_eq!(dump.finding().rule, &plugin::WRONG_ROOT);
    dump.plugin(REQUEST)["root_id"] = json!(CONNECTION);
    assert!(dump.codes().contains(&plugin::WRONG_ROOT.code), "{:?}", dump.codes());
}

#[test]
fn a_default_that_is_missing_or_denies() {
    for default in [Value::Null, json!({"@type": "x/a.RBAC", "rules": {}}), json!({"@type": "x/a.Fault"})] {
        let mut dump = Dump::example();
        dump.filters()[0]["config_discovery"]["default_config"] = default;
        assert_eq!(dump.finding().rule, &plugin::NO_DEFAULT);
    }
}

#[test]
fn istios_agent_could_not_fetch_the_module() {
    let mut dump = Dump::example();
    let sections = dump.config["configs"].as_array_mut().unwrap().iter_mut();
    for extension in sections.filter_map(|section| section.get_mut("ecds_filters")) {
        extension[0]["ecds_filter"]["typed_config"] =
            json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"});
    }
    let codes = dump.codes();
    assert_eq!(codes, [plugin::REPLACED.code; 2]);
}

#[test]
fn a_remote_module_has_a_digest() {
    let mut dump = Dump::example();
    let code = json!({"remote": {"http_uri": {"uri": "http://a/b.wasm"}}});
    for root in [CONNECTION, REQUEST] {
        dump.plugin(root)["vm_config"]["code"] = code.clone();
    }
    assert_eq!(dump.codes(), [plugin::NO_DIGEST.code; 2]);
}

#[test]
fn a_module_that_traps() {
    let mut dump = Dump::example();
    dump.stat("wasm.evenkeel.request.vm_reload: 0", "wasm.evenkeel.request.vm_reload: 3");
    assert_eq!(dump.finding().rule, &plugin::TRAPPED);
}

#[test]
fn a_configuration_that_never_came() {
    let mut dump = Dump::example();
    let is_request = |section: &Value| section["ecds_filters"][0]["ecds_filter"]["name"] == REQUEST;
    dump.config["configs"].as_array_mut().unwrap().retain(|section| !is_request(section));
    let finding = dump.finding();
    assert_eq!((finding.rule, finding.place.filter.as_str()), (&discovery::NOT_DELIVERED, REQUEST));
}

const UPDATE: &str = "extension_config_discovery.network_filter.evenkeel.connection.update";

#[test]
fn a_first_configuration_that_was_refused() {
    let mut dump = Dump::example();
    dump.stat(&format!("{UPDATE}_rejected: 0"), &format!("{UPDATE}_rejected: 1"));
    assert_eq!(dump.findings(), [], "a later one was taken");
    let line = dump.stats.lines().find(|line| line.starts_with(&format!("{UPDATE}_time"))).unwrap().to_owned();
    dump.stat(&line, &format!("{UPDATE}_time: 0"));
    assert_eq!(dump.finding().rule, &discovery::REFUSED);
}

#[test]
fn a_later_configuration_that_was_refused() {
    let mut dump = Dump::example();
    dump.stat(&format!("{UPDATE}_rejected: 0"), &format!("{UPDATE}_rejected: 1"));
    let sections = dump.config["configs"].as_array_mut().unwrap().iter_mut();
    let connection = |section: &&mut Value| section["ecds_filters"][0]["ecds_filter"]["name"] == CONNECTION;
    sections.filter(|section| section.get("ecds_filters").is_some()).find(connection).unwrap()["ecds_filters"][0]["last_updated"] =
        json!("2099-01-01T00:00:00.000Z");
    assert_eq!(dump.finding().rule, &discovery::REFUSED);
}

/// Istio's proxies keep `wasm.*` and not `extension_config_discovery.*`.
#[test]
fn a_plugin_that_does_not_run_where_few_stats_are_kept() {
    let mut dump = Dump::example();
    let keep = |line: &&str| !line.starts_with("extension_config_discovery");
    dump.stats = dump.stats.lines().filter(keep).collect::<Vec<_>>().join("\n");
    assert_eq!(dump.findings(), []);
    let keep = |line: &&str| !line.starts_with("wasm.evenkeel.connection");
    dump.stats = dump.stats.lines().filter(keep).collect::<Vec<_>>().join("\n");
    assert_eq!(dump.finding().rule, &discovery::NOT_RUNNING);
}

fn with_rebalance() -> Dump {
    let mut dump = Dump::example();
    let mut settings = json!({"inbound": {"maxRequests": 10}, "outbound": {"maxAge": "10m"}});
    settings["rebalance"] = json!({"group": "a/b", "cluster": "evenkeel-rebalance"});
    dump.settings(&settings);
    let http2 = json!({"explicit_http_config": {"http2_protocol_options": {}}});
    let options = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2});
    dump.add_cluster(&json!({"name": "evenkeel-rebalance", "typed_extension_protocol_options": options}));
    dump
}

#[test]
fn the_cluster_for_reports() {
    let mut dump = with_rebalance();
    assert_eq!(dump.findings(), []);
    dump.stats.push_str("\nwasmcustom.evenkeel.reports_sent: 10\nwasmcustom.evenkeel.reports_failed: 9\n");
    assert_eq!(dump.finding().rule, &rebalance::FAILING);
    dump.clusters["cluster_statuses"].as_array_mut().unwrap().push(json!({"name": "evenkeel-rebalance"}));
    assert_eq!(dump.finding().rule, &rebalance::NO_HOST);
    let mut dump = with_rebalance();
    dump.add_cluster(&json!({"name": "evenkeel-rebalance"}));
    assert_eq!(dump.finding().rule.code, "EK0607");
    dump.section("ClustersConfigDump")["dynamic_active_clusters"] = json!([]);
    assert_eq!(dump.finding().rule, &rebalance::NO_CLUSTER);
}
