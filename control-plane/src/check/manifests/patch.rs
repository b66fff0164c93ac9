//! One patch of an EnvoyFilter.

use super::{MERGES_MANAGER, NO_CLUSTER, NO_CONTEXT, WIPES_PROTOCOL, WRONG_ANCHOR};
use crate::check::envoy::{Filter, Plugin, cluster_is_http2};
use crate::check::finding::{Finding, Place};
use crate::check::installation::{POOL, XDS_CLUSTER, is_drain, is_pool, is_root, names_xds_cluster};
use crate::check::message::{at, has, text};
use crate::check::{drain, endpoints, outbound, plugin};
use crate::policy::render::filters::{CONNECTION, DRAIN, OUTBOUND, REQUEST};
use serde_json::Value;

const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";
const ROUTER: &str = "envoy.filters.http.router";
const HTTP_OPTIONS: &str = "typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/// One of these says which protocol a cluster speaks.
const PROTOCOLS: [&str; 3] = ["explicit_http_config", "use_downstream_protocol_config", "auto_config"];

pub struct Patch<'a> {
    pub place: Place,
    /// Patches of one kind are applied in this order.
    pub position: usize,
    entry: &'a Value,
}

impl<'a> Patch<'a> {
    pub fn new(entry: &'a Value, manifest: &str, position: usize) -> Self {
        let name = text(entry, "patch/value/name");
        let manifest = format!("{manifest} spec.configPatches[{position}]");
        let place = Place { manifest, filter: name.to_owned(), ..Place::default() };
        Self { place, position, entry }
    }

    pub fn applies_to(&self) -> &'a str {
        text(self.entry, "applyTo")
    }

    pub fn context(&self) -> &'a str {
        text(self.entry, "match/context")
    }

    pub fn value(&self) -> &'a Value {
        at(self.entry, "patch/value")
    }

    pub fn name(&self) -> &'a str {
        text(self.value(), "name")
    }

    fn operation(&self) -> &'a str {
        text(self.entry, "patch/operation")
    }

    pub fn is_ours(&self) -> bool {
        let names = [CONNECTION, REQUEST, OUTBOUND, DRAIN, POOL, XDS_CLUSTER];
        names.contains(&self.name()) || self.plugin().is_some() || self.takes_endpoints()
    }

    pub fn takes_endpoints(&self) -> bool {
        names_xds_cluster(at(self.value(), "eds_cluster_config/eds_config"))
    }

    /// The plugin of an `EXTENSION_CONFIG`, or of a filter that has its configuration inline, when it is ours.
    pub fn plugin(&self) -> Option<(Place, Plugin<'a>)> {
        let plugin = Plugin::of(at(self.value(), "typed_config"))?;
        let is_ours = [CONNECTION, REQUEST, OUTBOUND].iter().any(|root| is_root(root, self.name(), plugin));
        is_ours.then(|| (self.place.clone(), plugin))
    }

    pub fn findings(&self) -> Vec<Finding> {
        let mut found: Vec<Finding> =
            self.plugin().iter().flat_map(|(place, plugin)| plugin::of_plugin(place, *plugin)).collect();
        found.extend(match self.applies_to() {
            "NETWORK_FILTER" => self.network_filter(),
            "HTTP_FILTER" => self.http_filter(),
            "CLUSTER" => self.cluster(),
            _ => vec![],
        });
        found
    }

    fn network_filter(&self) -> Vec<Finding> {
        if self.operation() == "MERGE" {
            let is_manager = self.anchor() == CONNECTION_MANAGER || self.name() == CONNECTION_MANAGER;
            return is_manager.then(|| MERGES_MANAGER.at(&self.place, "a patch merges into it")).into_iter().collect();
        }
        if self.name() != CONNECTION {
            return vec![];
        }
        let is_first = self.operation() == "INSERT_FIRST";
        self.inserted(is_first || self.operation() == "INSERT_BEFORE" && self.anchor() == CONNECTION_MANAGER)
    }

    fn http_filter(&self) -> Vec<Finding> {
        if ![REQUEST, OUTBOUND, DRAIN, POOL].contains(&self.name()) {
            return vec![];
        }
        let router = text(self.entry, "match/listener/filterChain/filter/subFilter/name");
        let mut found = self.inserted(self.operation() == "INSERT_BEFORE" && router == ROUTER);
        let filter = Filter(self.value());
        found.extend(is_drain(filter).then(|| drain::of_filter(filter.config(), &self.place)).into_iter().flatten());
        found.extend(is_pool(filter).then(|| outbound::of_filter(filter.config(), &self.place)).flatten());
        found
    }

    fn anchor(&self) -> &'a str {
        text(self.entry, "match/listener/filterChain/filter/name")
    }

    /// What is wrong with where, and with the default of a filter that discovers its configuration.
    fn inserted(&self, is_right: bool) -> Vec<Finding> {
        let seen = || format!("operation is {:?}, the filter to stand before is {:?}", self.operation(), self.anchor());
        let anchor = (!is_right).then(|| WRONG_ANCHOR.at(&self.place, seen()));
        let anywhere = matches!(self.context(), "" | "ANY");
        let context = anywhere.then(|| NO_CONTEXT.at(&self.place, format!("match.context is {:?}", self.context())));
        let discovery = at(self.value(), "config_discovery");
        let default = if discovery.is_null() { None } else { plugin::no_default(discovery, &self.place) };
        [anchor, context, default].into_iter().flatten().collect()
    }

    fn cluster(&self) -> Vec<Finding> {
        let mut found = vec![];
        if self.operation() == "MERGE" && !has(self.entry, "match/cluster") {
            found.push(NO_CLUSTER.at(&self.place, "match.cluster is absent"));
        }
        if self.operation() == "MERGE" && self.wipes_protocol() {
            found.push(WIPES_PROTOCOL.at(&self.place, "HttpProtocolOptions is merged without a protocol"));
        }
        if self.takes_endpoints() {
            found.extend(endpoints::of_source(at(self.value(), "eds_cluster_config/eds_config"), false, &self.place));
        }
        let is_server = self.operation() == "ADD" && self.name().starts_with("evenkeel-");
        if is_server && !cluster_is_http2(self.value()) {
            found.push(endpoints::NOT_HTTP2.at(&self.place, "it has no `http2_protocol_options`"));
        }
        found
    }

    fn wipes_protocol(&self) -> bool {
        let options = at(self.value(), HTTP_OPTIONS);
        !options.is_null() && !PROTOCOLS.iter().any(|protocol| has(options, protocol))
    }
}
