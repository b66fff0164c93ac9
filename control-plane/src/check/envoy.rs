//! What an Envoy says of itself at its admin port.

mod cluster;
mod extension;
mod listener;
mod node;
mod stats;

use cluster::Statuses;
pub use cluster::{Cluster, cluster_is_http2};
pub use extension::{Extension, Plugin};
pub use listener::{ConnectionManager, Filter, FilterChain, Listener};
pub use node::{Node, Role};
pub use stats::Stats;

use super::message::{at, is, list, text};
use serde_json::Value;

/// The answers of the admin port. Only the first is always there.
#[derive(Clone, Debug, Default)]
pub struct Envoy {
    /// `/config_dump?include_eds`.
    pub config_dump: Value,
    /// `/clusters?format=json`; null when nobody asked.
    pub clusters: Value,
    /// `/stats`.
    pub stats: Option<Stats>,
}

/// Why an answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvoyError {
    /// Not JSON.
    #[error("{0} is not JSON: {1}")]
    Json(&'static str, String),
    /// JSON, but of something else.
    #[error("{0} has no field {1:?}: save the answer to GET {2} of Envoy's admin port")]
    Other(&'static str, &'static str, &'static str),
    /// No stats.
    #[error("the stats are neither lines such as `server.live: 1` nor JSON: save the answer to GET /stats")]
    Stats,
}

impl Envoy {
    /// From the texts of the answers.
    ///
    /// # Errors
    /// When one of them is an answer to something else.
    pub fn parse(config_dump: &str, clusters: Option<&str>, stats: Option<&str>) -> Result<Self, EnvoyError> {
        let config_dump = answer("the config dump", config_dump, "configs", "/config_dump?include_eds")?;
        let clusters =
            clusters.map(|text| answer("the cluster status", text, "cluster_statuses", "/clusters?format=json"));
        let stats = stats.map(|text| Stats::parse(text).ok_or(EnvoyError::Stats));
        Ok(Self { config_dump, clusters: clusters.transpose()?.unwrap_or_default(), stats: stats.transpose()? })
    }

    /// Who it says that it is.
    pub fn node(&self) -> Node<'_> {
        Node(self.section("BootstrapConfigDump").next().map_or(&Value::Null, |section| at(section, "bootstrap/node")))
    }

    /// Every listener: those of the bootstrap and those that were discovered.
    pub fn listeners(&self) -> Vec<Listener<'_>> {
        let of = |section| {
            let fixed = list(section, "static_listeners").iter().map(Listener::fixed);
            fixed.chain(list(section, "dynamic_listeners").iter().map(Listener::discovered))
        };
        self.section("ListenersConfigDump").flat_map(of).collect()
    }

    /// Every cluster: those of the bootstrap and those that were discovered.
    pub fn clusters(&self) -> Vec<Cluster<'_>> {
        let statuses = list(&self.clusters, "cluster_statuses").iter();
        let statuses: Statuses<'_> = statuses.map(|status| (text(status, "name"), status)).collect();
        let statuses = &statuses;
        let of = |section| {
            let sources = ["static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"];
            let entries = sources
                .into_iter()
                .flat_map(move |source| list(section, source).iter().map(move |entry| (entry, source)));
            entries.map(move |(entry, source)| Cluster::new(entry, source, statuses))
        };
        self.section("ClustersConfigDump").flat_map(of).collect()
    }

    /// The cluster of this name.
    pub fn cluster(&self, name: &str) -> Option<Cluster<'_>> {
        self.clusters().into_iter().find(|cluster| cluster.name() == name)
    }

    /// What was delivered by extension discovery.
    pub fn extensions(&self) -> Vec<Extension<'_>> {
        self.section("EcdsConfigDump").flat_map(|section| list(section, "ecds_filters")).map(Extension).collect()
    }

    /// The extension of this name.
    pub fn extension(&self, name: &str) -> Option<Extension<'_>> {
        self.extensions().into_iter().find(|extension| extension.name() == name)
    }

    /// The route configuration of this name.
    pub fn routes(&self, name: &str) -> Option<&Value> {
        let mut all =
            self.entries("RoutesConfigDump", ["static_route_configs", "dynamic_route_configs"], "route_config");
        all.find(|routes| text(routes, "name") == name)
    }

    /// The endpoints that a cluster has, as the dump with `include_eds` shows them.
    pub fn assignment(&self, cluster: &str) -> Option<&Value> {
        let sources = ["static_endpoint_configs", "dynamic_endpoint_configs"];
        let mut all = self.entries("EndpointsConfigDump", sources, "endpoint_config");
        all.find(|assignment| text(assignment, "cluster_name") == cluster)
    }

    /// What is in these lists of a section, under a field of each element.
    fn entries<'a>(
        &'a self,
        section: &'static str,
        sources: [&'static str; 2],
        field: &'static str,
    ) -> impl Iterator<Item = &'a Value> + use<'a> {
        let of = move |section| sources.into_iter().flat_map(move |source| list(section, source));
        self.section(section).flat_map(of).map(move |entry| at(entry, field))
    }

    fn section<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a Value> + use<'a> {
        list(&self.config_dump, "configs").iter().filter(move |section| is(section, name))
    }
}

fn answer(what: &'static str, json: &str, field: &'static str, path: &'static str) -> Result<Value, EnvoyError> {
    let value: Value = serde_json::from_str(json).map_err(|error| EnvoyError::Json(what, error.to_string()))?;
    if value.get(field).is_some() { Ok(value) } else { Err(EnvoyError::Other(what, field, path)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_something_else_is_refused_with_the_path_to_ask_for() {
        let dump = r#"{"configs": []}"#;
        assert!(Envoy::parse(dump, Some(r#"{"cluster_statuses": []}"#), Some("server.live: 1")).is_ok());
        let error = |config_dump, clusters, stats| Envoy::parse(config_dump, clusters, stats).unwrap_err().to_string();
        assert!(error("<html>", None, None).starts_with("the config dump is not JSON"));
        assert!(error("{}", None, None).contains("GET /config_dump?include_eds"));
        assert!(error(dump, Some(dump), None).contains("GET /clusters?format=json"));
        assert!(error(dump, None, Some("no such thing")).contains("GET /stats"));
    }
}
