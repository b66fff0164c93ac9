//! A `WasmPlugin`, as istiod 1.31 delivers it, in the place of the EnvoyFilter.

use super::*;
use crate::check::{chains, plugin};

const FILTER: &str = "extensions.istio.io/trafficextension/shop.evenkeel-cart~istio-translated-wasmplugin";
const PLUGIN: &str = "shop.evenkeel-cart~istio-translated-wasmplugin";

/// The filter has another name and no default, in every chain, and there is nothing beside it.
fn sidecar() -> Dump {
    let mut dump = dump!("istio-1.31-sidecar");
    let plugin = dump.plugin("evenkeel.connection");
    plugin["name"] = json!(PLUGIN);
    plugin["configuration"]["value"] = json!(r#"{"inbound":{"maxAge":"1h","maxRequests":10,"jitter":0.2}}"#);
    let sections = dump.config["configs"].as_array_mut().unwrap().iter_mut();
    for extension in sections.filter_map(|section| section.get_mut("ecds_filters")) {
        extension[0]["ecds_filter"]["name"] = json!(FILTER);
    }
    for chain in chains(&mut dump) {
        let filters = chain["filters"].as_array_mut().unwrap();
        filters.retain(|filter| filter["name"] != "evenkeel.connection");
        let discovery = json!({"config_source": {"ads": {}}, "type_urls": ["type.googleapis.com/x.Wasm"]});
        filters.insert(0, json!({"name": FILTER, "config_discovery": discovery}));
        for filter in filters {
            if let Some(http) = filter["typed_config"].get_mut("http_filters") {
                http.as_array_mut().unwrap().retain(|filter| filter["name"] != "evenkeel.drain");
            }
        }
    }
    dump.stats = dump.stats.replace("wasm.evenkeel.connection.", &format!("wasm.{PLUGIN}."));
    dump
}

fn chains(dump: &mut Dump) -> &mut Vec<Value> {
    let listeners = dump.section("ListenersConfigDump")["dynamic_listeners"].as_array_mut().unwrap();
    named(listeners, "virtualInbound")["active_state"]["listener"]["filter_chains"].as_array_mut().unwrap()
}

#[test]
fn it_needs_no_other_filter_and_no_default() {
    assert_eq!(sidecar().findings(), []);
}

#[test]
fn beside_an_envoyfilter_it_is_there_twice() {
    let mut dump = sidecar();
    let filters = chains(&mut dump)[1]["filters"].as_array_mut().unwrap();
    filters.insert(0, json!({"name": "evenkeel.connection"}));
    assert!(dump.codes().contains(&chains::TWICE.code), "{:?}", dump.findings());
}

#[test]
fn how_it_fails_matters_as_for_any_plugin() {
    let mut dump = sidecar();
    dump.plugin(FILTER).as_object_mut().unwrap().remove("failure_policy");
    assert_eq!(dump.finding().rule, &plugin::FAILS_CLOSED);
}
