//! Dumps of real Envoys that run filter/example, each with one fault planted.

macro_rules! dump {
    ($name:literal) => {
        $crate::check::tests::Dump::new(
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/check/", $name, ".config_dump.json")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/check/", $name, ".clusters.json")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/check/", $name, ".stats.txt")),
        )
    };
}

mod catalog;
mod chains;
mod endpoints;
mod istio;
mod outbound;
mod path;
mod plugin;
mod tolerance;
mod wasm_plugin;

use super::*;
use serde_json::{Value, json};

/// What the admin port of an Envoy has answered.
pub struct Dump {
    pub config: Value,
    pub clusters: Value,
    pub stats: String,
}

impl Dump {
    pub fn new(config: &str, clusters: &str, stats: &str) -> Self {
        let json = |text| serde_json::from_str(text).unwrap();
        Self { config: json(config), clusters: json(clusters), stats: stats.to_owned() }
    }

    pub fn example() -> Self {
        dump!("example-1.40")
    }

    pub fn findings(&self) -> Vec<Finding> {
        let (config, clusters) = (self.config.to_string(), self.clusters.to_string());
        check(&Envoy::parse(&config, Some(&clusters), Some(&self.stats)).unwrap())
    }

    pub fn codes(&self) -> Vec<&'static str> {
        self.findings().iter().map(|finding| finding.rule.code).collect()
    }

    /// The only finding.
    pub fn finding(&self) -> Finding {
        let mut found = self.findings();
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }

    pub fn section(&mut self, name: &str) -> &mut Value {
        let sections = self.config["configs"].as_array_mut().unwrap();
        sections.iter_mut().find(|section| section["@type"].as_str().unwrap().ends_with(name)).unwrap()
    }

    pub fn listener(&mut self) -> &mut Value {
        &mut self.section("ListenersConfigDump")["static_listeners"][0]["listener"]
    }

    pub fn filters(&mut self) -> &mut Vec<Value> {
        self.listener()["filter_chains"][0]["filters"].as_array_mut().unwrap()
    }

    pub fn manager(&mut self) -> &mut Value {
        let manager = self.filters().iter_mut().find(|filter| filter["name"].as_str().unwrap().contains("manager"));
        &mut manager.unwrap()["typed_config"]
    }

    pub fn http_filters(&mut self) -> &mut Vec<Value> {
        self.manager()["http_filters"].as_array_mut().unwrap()
    }

    pub fn http_filter(&mut self, name: &str) -> &mut Value {
        named(self.http_filters(), name)
    }

    pub fn remove_http_filter(&mut self, name: &str) -> Value {
        let position = self.http_filters().iter().position(|filter| filter["name"] == name).unwrap();
        self.http_filters().remove(position)
    }

    /// The discovered plugin of this name.
    pub fn plugin(&mut self, name: &str) -> &mut Value {
        let sections = self.config["configs"].as_array_mut().unwrap().iter_mut();
        let mut all = sections.flat_map(|section| section.get_mut("ecds_filters").into_iter());
        let found = all.find(|filters| filters[0]["ecds_filter"]["name"] == name).unwrap();
        &mut found[0]["ecds_filter"]["typed_config"]["config"]
    }

    pub fn settings(&mut self, settings: &Value) {
        self.plugin("evenkeel.connection")["configuration"]["value"] = json!(settings.to_string());
    }

    pub fn cluster(&mut self) -> &mut Value {
        &mut self.section("ClustersConfigDump")["static_clusters"][0]["cluster"]
    }

    pub fn add_cluster(&mut self, cluster: &Value) {
        self.section("ClustersConfigDump")["dynamic_active_clusters"] = json!([{"cluster": cluster}]);
    }

    /// Puts one stat in the place of another.
    pub fn stat(&mut self, from: &str, to: &str) {
        assert_eq!(self.stats.matches(from).count(), 1, "{from}");
        self.stats = self.stats.replace(from, to);
    }
}

pub fn named<'a>(filters: &'a mut [Value], name: &str) -> &'a mut Value {
    filters.iter_mut().find(|filter| filter["name"] == name).unwrap()
}

#[test]
fn the_example_has_no_fault() {
    for dump in [dump!("example-1.37"), dump!("example-1.40")] {
        assert_eq!(dump.findings(), []);
    }
}

#[test]
fn the_config_dump_alone_is_enough() {
    let envoy = Envoy::parse(&Dump::example().config.to_string(), None, None).unwrap();
    assert_eq!(check(&envoy), []);
}

#[test]
fn the_worst_comes_first() {
    let mut dump = Dump::example();
    dump.remove_http_filter("evenkeel.drain");
    dump.section("BootstrapConfigDump")["bootstrap"] = Value::Null;
    dump.cluster()["typed_extension_protocol_options"] = Value::Null;
    let severities: Vec<Severity> = dump.findings().iter().map(|finding| finding.rule.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning, Severity::Info]);
}
