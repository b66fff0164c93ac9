//! Where Evenkeel's parts are in an Envoy, and where they should be.

use super::envoy::{ConnectionManager, Envoy, Filter, FilterChain, Listener, Plugin, Role};
use super::finding::Place;
use super::message::{at, is, list, text, type_name, unwrapped};
pub use crate::policy::render::cluster::ENDPOINTS as XDS_CLUSTER;
use crate::policy::render::filters::{CONNECTION, DRAIN, DRAIN_MARK, OUTBOUND, REQUEST};
pub use crate::policy::render::filters::{POOL, POOL_KEY};
use evenkeel_filter_core::Settings;
use evenkeel_filter_core::settings::Destination;
use serde_json::Value;

/// With this Istio's names of what a `WasmPlugin` adds begin, in 1.29 as in later ones.
const WASM_PLUGIN: &str = "extensions.istio.io/";
const ROUTER: &str = "envoy.filters.http.router";

/// An Envoy's filter chains, with Evenkeel's filters among theirs.
#[derive(Debug)]
pub struct Installation<'a> {
    /// Everything else.
    pub envoy: &'a Envoy,
    /// Those that policies can reach.
    pub chains: Vec<Chain<'a>>,
}

/// Whose connections a listener takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those of clients.
    Inbound,
    /// Those that the sidecar's own workload opens.
    Outbound,
}

/// A filter chain and what is ours in it.
#[derive(Debug)]
pub struct Chain<'a> {
    /// Where it is.
    pub place: Place,
    /// Whose connections it takes.
    pub side: Side,
    /// Whether it is for HTTP/3.
    pub is_quic: bool,
    /// The positions of `evenkeel.connection`.
    pub connection: Vec<usize>,
    /// The position of the connection manager and its parts; none in chains that do not speak HTTP.
    pub http: Option<(usize, Http<'a>)>,
    /// The first `evenkeel.connection` itself.
    pub connection_filter: Option<Filter<'a>>,
}

/// The HTTP filters of a chain.
#[derive(Debug)]
pub struct Http<'a> {
    /// The rest of the connection manager.
    pub manager: ConnectionManager<'a>,
    /// The positions of `evenkeel.request`.
    pub request: Vec<usize>,
    /// The positions of the Lua filter that drains.
    pub drain: Vec<usize>,
    /// The positions of `evenkeel.outbound`.
    pub outbound: Vec<usize>,
    /// The positions of the filter that hands the pool key on.
    pub pool: Vec<usize>,
    /// The position of the router.
    pub router: Option<usize>,
    /// All of them.
    pub filters: Vec<Filter<'a>>,
}

impl<'a> Installation<'a> {
    /// What is where in this Envoy.
    pub fn of(envoy: &'a Envoy) -> Self {
        let role = envoy.node().role();
        // Those of a mesh's bootstrap are for probes and metrics, and no policy reaches them.
        let is_reached =
            |listener: &Listener<'_>| !listener.is_internal() && (role == Role::Plain || !listener.is_static());
        let listeners = envoy.listeners().into_iter().filter(is_reached);
        let chains = listeners.flat_map(|listener| {
            let chains = listener.chains().into_iter();
            chains.map(move |chain| Chain::of(envoy, &listener, chain, side(role, &listener))).collect::<Vec<_>>()
        });
        Self { envoy, chains: chains.collect() }
    }

    /// Whether there is anything of ours at all.
    pub fn is_there(&self) -> bool {
        self.chains.iter().any(Chain::has_ours) || !self.plugins().is_empty() || self.takes_endpoints()
    }

    /// Whether a cluster takes its endpoints from Evenkeel.
    pub fn takes_endpoints(&self) -> bool {
        self.envoy.clusters().iter().any(|cluster| names_xds_cluster(cluster.eds_config()))
    }

    /// Whether the chain should have `evenkeel.connection`: it speaks HTTP, and it has something of ours that needs it, or
    /// others that take the same connections have.
    pub fn expects(&self, chain: &Chain<'_>) -> bool {
        chain.http.is_some() && !chain.is_quic && (self.needs_connection(chain) || self.is_taken(chain.side))
    }

    /// Whether something in the chain does nothing without `evenkeel.connection`. The filter that hands the pool key on
    /// does where it has the key from `evenkeel.outbound`, or should have it from there.
    pub fn needs_connection(&self, chain: &Chain<'_>) -> bool {
        let needs = |http: &Http<'_>| {
            let pool = !http.pool.is_empty() && http.outbound.is_empty() && self.delivered_destinations().is_empty();
            pool || !http.request.is_empty() || !http.drain.is_empty()
        };
        !chain.connection.is_empty() || chain.http.as_ref().is_some_and(|(_, http)| needs(http))
    }

    fn is_taken(&self, side: Side) -> bool {
        let delivered = side == Side::Inbound
            && self.settings().iter().any(|settings| settings.inbound.is_some() || settings.rebalance.is_some());
        delivered || self.chains.iter().any(|chain| chain.side == side && self.needs_connection(chain))
    }

    /// Every plugin of ours that was delivered, and where.
    pub fn plugins(&self) -> Vec<(Place, Plugin<'a>)> {
        let delivered = self.envoy.extensions().into_iter().filter_map(|extension| {
            Some((Place::extension(extension.name()), extension.name(), Plugin::of(extension.config())?))
        });
        let inline = self.chains.iter().flat_map(|chain| {
            let http = chain.http.iter().flat_map(|(_, http)| http.filters.iter().copied());
            let filters = chain.connection_filter.into_iter().chain(http);
            filters.filter_map(|filter| {
                Some((chain.place.filter(filter.name()), filter.name(), Plugin::of(filter.config())?))
            })
        });
        let ours = delivered.chain(inline).filter(|(_, name, plugin)| is_ours(name, *plugin));
        ours.map(|(place, _, plugin)| (place, plugin)).collect()
    }

    /// The settings of every `evenkeel.connection`, where they can be read.
    pub fn settings(&self) -> Vec<Settings> {
        let plugins = self.plugins().into_iter().filter(|(place, plugin)| is_root(CONNECTION, &place.filter, *plugin));
        plugins.filter_map(|(_, plugin)| plugin.settings().ok()).collect()
    }

    /// The capped destinations of every `evenkeel.outbound`, where they can be read.
    pub fn delivered_destinations(&self) -> Vec<Destination> {
        let plugins = self.plugins().into_iter().filter(|(place, plugin)| is_root(OUTBOUND, &place.filter, *plugin));
        plugins.filter_map(|(_, plugin)| plugin.settings().ok()).flat_map(capped).collect()
    }
}

impl<'a> Chain<'a> {
    fn of(envoy: &'a Envoy, listener: &Listener<'_>, chain: FilterChain<'a>, side: Side) -> Self {
        let connection = positions(&chain.filters, |filter| is_filter(envoy, CONNECTION, filter));
        Self {
            side,
            is_quic: listener.is_quic(),
            connection_filter: connection.first().map(|&first| chain.filters[first]),
            http: chain.manager().map(|(position, manager)| (position, Http::of(envoy, manager))),
            place: chain.place,
            connection,
        }
    }

    /// Whether there is anything of ours in it.
    pub fn has_ours(&self) -> bool {
        let http = self.http.as_ref();
        let in_http = http.is_some_and(|(_, http)| http.ours().next().is_some());
        in_http || !self.connection.is_empty()
    }

    /// Whether a `WasmPlugin` has brought `evenkeel.connection`: with the module that needs no other filter.
    pub fn has_wasm_plugin(&self) -> bool {
        self.connection_filter.is_some_and(|filter| filter.name().starts_with(WASM_PLUGIN))
    }

    /// What `evenkeel.connection` of this chain was told; none when that cannot be read.
    pub fn settings(&self, envoy: &Envoy) -> Option<Settings> {
        settings_of(envoy, self.connection_filter?)
    }
}

impl<'a> Http<'a> {
    /// The positions of all that is ours.
    pub fn ours(&self) -> impl Iterator<Item = usize> {
        [&self.request, &self.drain, &self.outbound, &self.pool].into_iter().flatten().copied()
    }

    /// The filters of ours that are plugins.
    pub fn plugins(&self) -> impl Iterator<Item = Filter<'a>> {
        self.request.iter().chain(&self.outbound).map(|&at| self.filters[at])
    }

    /// The capped destinations that the first `evenkeel.outbound` was told of; none when that cannot be read.
    pub fn destinations(&self, envoy: &Envoy) -> Option<Vec<Destination>> {
        let filter = self.filters[*self.outbound.first()?];
        settings_of(envoy, filter).map(capped)
    }

    fn of(envoy: &'a Envoy, manager: ConnectionManager<'a>) -> Self {
        let filters = manager.filters();
        Self {
            request: positions(&filters, |filter| is_filter(envoy, REQUEST, filter)),
            drain: positions(&filters, is_drain),
            outbound: positions(&filters, |filter| is_filter(envoy, OUTBOUND, filter)),
            pool: positions(&filters, is_pool),
            router: filters.iter().position(|filter| filter.name() == ROUTER || is(filter.config(), "Router")),
            manager,
            filters,
        }
    }
}

fn settings_of(envoy: &Envoy, filter: Filter<'_>) -> Option<Settings> {
    let config = envoy.extension(filter.name()).map_or(filter.config(), |extension| extension.config());
    Plugin::of(config)?.settings().ok()
}

/// The destinations that have caps.
pub fn capped(settings: Settings) -> Vec<Destination> {
    let destinations = settings.outbound.unwrap_or_default().destinations.into_iter();
    destinations.filter(Destination::caps).collect()
}

fn side(role: Role, listener: &Listener<'_>) -> Side {
    // Istio gives the listeners of gateways the direction OUTBOUND.
    if role != Role::Router && listener.is_outbound() { Side::Outbound } else { Side::Inbound }
}

fn positions<'a>(filters: &[Filter<'a>], is_meant: impl Fn(Filter<'a>) -> bool) -> Vec<usize> {
    filters.iter().enumerate().filter(|(_, filter)| is_meant(**filter)).map(|(position, _)| position).collect()
}

/// By its name, or, when others have chosen the name (a `WasmPlugin` has its own), by the root that it runs.
fn is_filter(envoy: &Envoy, root: &str, filter: Filter<'_>) -> bool {
    let runs = |config| Plugin::of(config).is_some_and(|plugin| plugin.root_id() == root);
    let discovered = || envoy.extension(filter.name()).is_some_and(|extension| runs(extension.config()));
    filter.name() == root || runs(filter.config()) || filter.discovery().is_some() && discovered()
}

fn is_ours(name: &str, plugin: Plugin<'_>) -> bool {
    [CONNECTION, REQUEST, OUTBOUND].iter().any(|root| is_root(root, name, plugin))
}

/// Whether the configuration is for this root, by its name or by what it says.
pub fn is_root(root: &str, name: &str, plugin: Plugin<'_>) -> bool {
    name == root || plugin.root_id() == root
}

/// Whether it is the filter that drains marked connections.
pub fn is_drain(filter: Filter<'_>) -> bool {
    let matcher = at(unwrapped(filter.config()), "xds_matcher").to_string();
    filter.name() == DRAIN || matcher.contains(&format!("\"{DRAIN_MARK}\""))
}

/// Whether it is the filter that hands the pool key on.
pub fn is_pool(filter: Filter<'_>) -> bool {
    filter.name() == POOL
        || type_name(filter.config()).contains("set_filter_state") && filter.config().to_string().contains(POOL_KEY)
}

/// Whether endpoints come from Evenkeel.
pub fn names_xds_cluster(eds_config: &Value) -> bool {
    let services = list(eds_config, "api_config_source/grpc_services");
    services.iter().any(|service| text(service, "envoy_grpc/cluster_name") == XDS_CLUSTER)
}
