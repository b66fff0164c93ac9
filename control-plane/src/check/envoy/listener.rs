//! Listeners, their filter chains, and the filters in these.

use crate::check::finding::Place;
use crate::check::message::{at, duration, has, is, list, text, unwrapped};
use serde_json::Value;
use std::time::Duration;

/// A listener of the config dump.
#[derive(Clone, Copy, Debug)]
pub struct Listener<'a> {
    entry: &'a Value,
    configuration: &'a Value,
    is_static: bool,
}

impl<'a> Listener<'a> {
    pub(super) fn fixed(entry: &'a Value) -> Self {
        Self { entry, configuration: at(entry, "listener"), is_static: true }
    }

    /// What is in force; while there is nothing yet, what is warming.
    pub(super) fn discovered(entry: &'a Value) -> Self {
        let state = ["active_state", "warming_state"].into_iter().find(|state| has(entry, state));
        let configuration = state.map_or(&Value::Null, |state| at(at(entry, state), "listener"));
        Self { entry, configuration, is_static: false }
    }

    /// The name. Envoy tells of a refused update in an entry that has none of its own as well.
    pub fn name(&self) -> &'a str {
        let names = [text(self.configuration, "name"), text(self.entry, "name")];
        let refused = text(self.entry, "error_state/failed_configuration/name");
        names.into_iter().find(|name| !name.is_empty()).unwrap_or(refused)
    }

    /// Whether it is of the bootstrap.
    pub fn is_static(&self) -> bool {
        self.is_static
    }

    /// Whether it takes connections that the workload opens.
    pub fn is_outbound(&self) -> bool {
        text(self.configuration, "traffic_direction") == "OUTBOUND"
    }

    /// Whether it is for HTTP/3.
    pub fn is_quic(&self) -> bool {
        has(self.configuration, "udp_listener_config/quic_options")
    }

    /// Whether it is there for other listeners of this Envoy only.
    pub fn is_internal(&self) -> bool {
        has(self.configuration, "internal_listener")
    }

    /// Whether it waits for something before it takes connections.
    pub fn is_warming(&self) -> bool {
        has(self.entry, "warming_state") && !has(self.entry, "active_state")
    }

    /// Why its newest configuration was refused; empty when it was not.
    pub fn error(&self) -> &'a str {
        text(self.entry, "error_state/details")
    }

    /// Its filter chains, the default one last.
    pub fn chains(&self) -> Vec<FilterChain<'a>> {
        let named = list(self.configuration, "filter_chains").iter().enumerate();
        let named = named.map(|(position, chain)| self.chain(chain, position.to_string()));
        let default = at(self.configuration, "default_filter_chain");
        named.chain((!default.is_null()).then(|| self.chain(default, "default".to_owned()))).collect()
    }

    fn chain(&self, chain: &'a Value, position: String) -> FilterChain<'a> {
        let name = text(chain, "name");
        let filter_chain = if name.is_empty() { position } else { name.to_owned() };
        let place = Place { filter_chain, ..Place::listener(self.name()) };
        FilterChain { place, filters: list(chain, "filters").iter().map(Filter).collect() }
    }
}

/// One filter chain.
#[derive(Clone, Debug)]
pub struct FilterChain<'a> {
    /// Where it is.
    pub place: Place,
    /// Its network filters in order.
    pub filters: Vec<Filter<'a>>,
}

impl<'a> FilterChain<'a> {
    /// The position of the HTTP connection manager, if there is one.
    pub fn manager(&self) -> Option<(usize, ConnectionManager<'a>)> {
        let mut filters = self.filters.iter().enumerate();
        let (position, filter) = filters.find(|(_, filter)| is(filter.config(), "HttpConnectionManager"))?;
        Some((position, ConnectionManager(unwrapped(filter.config()))))
    }
}

/// A network or HTTP filter.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a>(pub &'a Value);

impl<'a> Filter<'a> {
    /// The name.
    pub fn name(&self) -> &'a str {
        text(self.0, "name")
    }

    /// The configuration, when it is here and not discovered.
    pub fn config(&self) -> &'a Value {
        at(self.0, "typed_config")
    }

    /// How the configuration is discovered, if it is.
    pub fn discovery(&self) -> Option<&'a Value> {
        Some(at(self.0, "config_discovery")).filter(|discovery| !discovery.is_null())
    }
}

/// The configuration of an HTTP connection manager.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionManager<'a>(&'a Value);

impl<'a> ConnectionManager<'a> {
    /// The HTTP filters in order.
    pub fn filters(&self) -> Vec<Filter<'a>> {
        list(self.0, "http_filters").iter().map(Filter).collect()
    }

    /// How long streams that cross the first GOAWAY are served, if it is said.
    pub fn drain_timeout(&self) -> Option<Duration> {
        duration(self.0, "drain_timeout")
    }

    /// How many proxies in front of this one are trusted to say where a request comes from.
    pub fn trusted_hops(&self) -> u64 {
        at(self.0, "xff_num_trusted_hops").as_u64().unwrap_or_default()
    }

    /// Its routes, when they are here and not discovered.
    pub fn route_config(&self) -> &'a Value {
        at(self.0, "route_config")
    }

    /// The name by which its routes are discovered.
    pub fn route_config_name(&self) -> &'a str {
        text(self.0, "rds/route_config_name")
    }
}
