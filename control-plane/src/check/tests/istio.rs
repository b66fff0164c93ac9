//! Dumps of Envoys that a real istiod has configured, with a policy that `evenkeel render` has printed.

use super::*;
use crate::check::envoy::Stats;
use crate::check::skew::{Source, connections};
use crate::check::{chains, discovery, plugin};

fn gateway() -> Dump {
    dump!("istio-1.31-gateway")
}

fn sidecar() -> Dump {
    dump!("istio-1.31-sidecar")
}

fn listener<'a>(dump: &'a mut Dump, name: &str) -> &'a mut Value {
    let listeners = dump.section("ListenersConfigDump")["dynamic_listeners"].as_array_mut().unwrap();
    &mut named(listeners, name)["active_state"]["listener"]
}

fn chains_of(dump: &mut Dump) -> &mut Vec<Value> {
    listener(dump, "virtualInbound")["filter_chains"].as_array_mut().unwrap()
}

/// Takes `evenkeel.connection` out of the chains that this is true of.
fn without_filter(dump: &mut Dump, is_meant: impl Fn(&Value) -> bool) {
    for chain in chains_of(dump).iter_mut().filter(|chain| is_meant(chain)) {
        chain["filters"].as_array_mut().unwrap().retain(|filter| filter["name"] != "evenkeel.connection");
    }
}

fn chains_named(found: &[Finding]) -> Vec<(&'static str, &str)> {
    found.iter().map(|finding| (finding.rule.code, finding.place.filter_chain.as_str())).collect()
}

#[test]
fn what_istiod_makes_of_a_policy_has_no_fault() {
    assert_eq!(gateway().findings(), []);
    assert_eq!(sidecar().findings(), []);
}

#[test]
fn of_the_inbound_chains_those_that_speak_http_are_expected_to_have_the_filter() {
    let mut dump = sidecar();
    let all: Vec<String> = chains_of(&mut dump).iter().map(|chain| chain["name"].to_string()).collect();
    assert!(all.len() >= 5, "black hole, TCP and HTTP: {all:?}");
    without_filter(&mut dump, |chain| chain["name"] == "0.0.0.0_8080");
    assert_eq!(chains_named(&dump.findings()), [(chains::MISSING.code, "0.0.0.0_8080")]);
    without_filter(&mut dump, |_| true);
    let expected = [(chains::MISSING.code, "0.0.0.0_8080"), (chains::MISSING.code, "virtualInbound-catchall-http")];
    assert_eq!(chains_named(&dump.findings()), expected);
}

#[test]
fn a_policy_whose_context_is_wrong_is_found_by_what_was_delivered() {
    let mut dump = sidecar();
    for chain in chains_of(&mut dump).iter_mut() {
        for filter in chain["filters"].as_array_mut().unwrap() {
            if let Some(http) = filter["typed_config"].get_mut("http_filters") {
                http.as_array_mut().unwrap().retain(|filter| filter["name"] != "evenkeel.drain");
            }
        }
    }
    without_filter(&mut dump, |_| true);
    assert_eq!(dump.codes(), [chains::MISSING.code; 2]);
}

#[test]
fn a_listener_of_the_bootstrap_is_out_of_reach_of_policies() {
    let mut dump = gateway();
    let manager = json!({"name": "m", "typed_config": {"@type": "x/a.HttpConnectionManager"}});
    let probes = json!({"name": "probes", "filter_chains": [{"filters": [manager]}]});
    dump.section("ListenersConfigDump")["static_listeners"] = json!([{"listener": probes}]);
    assert_eq!(dump.findings(), []);
}

#[test]
fn what_is_opened_by_the_workload_is_not_expected_to_have_the_filter_unless_some_has() {
    let mut dump = sidecar();
    let filter = chains_of(&mut dump)[1]["filters"][0].clone();
    assert_eq!(filter["name"], "evenkeel.connection");
    let outbound = listener(&mut dump, "0.0.0.0_80");
    let mut other = outbound["filter_chains"][0].clone();
    other["name"] = json!("other");
    let chains = outbound["filter_chains"].as_array_mut().unwrap();
    chains.push(other);
    chains[0]["filters"].as_array_mut().unwrap().insert(0, filter);
    let found = dump.findings();
    assert!(chains_named(&found).contains(&(chains::MISSING.code, "other")), "{found:#?}");
}

#[test]
fn istios_agent_could_not_fetch_the_module() {
    let mut dump = sidecar();
    let sections = dump.config["configs"].as_array_mut().unwrap().iter_mut();
    for extension in sections.filter_map(|section| section.get_mut("ecds_filters")) {
        extension[0]["ecds_filter"]["typed_config"] =
            json!({"@type": "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC"});
    }
    assert_eq!(dump.finding().rule, &plugin::REPLACED);
}

#[test]
fn a_plugin_that_was_refused_has_no_stats() {
    let mut dump = sidecar();
    let keep = |line: &&str| !line.starts_with("wasm");
    dump.stats = dump.stats.lines().filter(keep).collect::<Vec<_>>().join("\n");
    assert_eq!(dump.finding().rule, &discovery::NOT_RUNNING);
}

#[test]
fn connections_are_counted_by_the_listeners() {
    for (dump, listener) in [(gateway(), "listener.10.244.1.1_8080"), (sidecar(), "listener.0.0.0.0_15006")] {
        let stats = dump
            .stats
            .replace(&format!("{listener}.downstream_cx_active: 0"), &format!("{listener}.downstream_cx_active: 9"));
        assert_ne!(stats, dump.stats);
        assert_eq!(connections(&Stats::parse(&stats).unwrap()), Some((Source::Listeners, 9)));
    }
}
