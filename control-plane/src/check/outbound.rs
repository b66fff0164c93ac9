//! EK05: rotation of the connections that the proxy opens.

mod keys;

use super::envoy::Cluster;
use super::finding::{Finding, Place, rules};
use super::installation::{Chain, Http, Installation, POOL, POOL_KEY};
use super::message::{list, text, unwrapped};
use super::routes;
use crate::policy::render::filters::OUTBOUND;
use keys::{Caps, Keys};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

rules! {
    NO_POOL "EK0501" Error "the settings rotate outbound connections, and `evenkeel.pool` is missing"
        "The key changes and nobody hands it on: connections to upstreams stay for ever."
        "Insert `evenkeel.pool` (`set_filter_state`) before `envoy.filters.http.router`, as in filter/example/envoy.yaml, or take the section `outbound` away.";
    WRONG_POOL "EK0502" Error "`evenkeel.pool` does not hand the key on"
        "Only an object that is shared with the upstream, and whose factory can be hashed, is a part of the key of connection pools."
        "Set `object_key: ek.pool`, `factory_key: envoy.network.transport_socket.original_dst_address`, `format_string` to \"%FILTER_STATE(wasm.ek_pool:PLAIN)%\" and `shared_with_upstream: ONCE`.";
    LONG_IDLE "EK0503" Warning "connections of replaced keys stay too long"
        "A pool whose key was replaced ends by the cluster's idle timeout only; until then its connections count against `max_connections` and hold memory on both sides."
        "Set the cluster's `idle_timeout` to 1 to 2 times the `maxAge` of its caps: in Istio by the DestinationRule's `connectionPool.http.idleTimeout`, else in `common_http_protocol_options`.";
    SHORT_IDLE "EK0504" Info "the idle timeout is shorter than the rotation"
        "Connections that pause close before their key is replaced: more are opened than rotation alone needs."
        "Set the cluster's `idle_timeout` to 1 to 2 times the `maxAge` of its caps.";
    FEW_CONNECTIONS "EK0505" Warning "the circuit breaker leaves no room for rotation"
        "While a key is replaced the old connections and the new ones are open together; above `max_connections` each new pool gets one connection, and requests queue."
        "Raise `max_connections` of the cluster's `circuit_breakers`: in Istio by the DestinationRule's `connectionPool.tcp.maxConnections`.";
    OVERFLOWS "EK0506" Error "the circuit breaker is open or was"
        "Requests wait for the few connections that are allowed, or fail."
        "Raise `max_connections` of the cluster's `circuit_breakers`, or lower its `idle_timeout` so that old connections end earlier.";
    KEY_WITHOUT_SETTINGS "EK0507" Info "`evenkeel.pool` has nothing to do"
        "No setting rotates outbound connections, so there is no key."
        "Add the section `outbound` to the settings, or take `evenkeel.pool` away.";
    NO_OUTBOUND "EK0508" Error "destinations have caps, and `evenkeel.outbound` is missing"
        "Only that filter chooses a key for each destination: connections to them stay for ever."
        "Insert `evenkeel.outbound` before `evenkeel.pool`, and give the destinations to it: in Istio, see that `workloadSelector` and `match.context` of the filter's patch are those of its `EXTENSION_CONFIG`.";
    LATE_KEY "EK0509" Error "`evenkeel.outbound` stands after `evenkeel.pool`"
        "The key is handed on before it is chosen: no connection is ever replaced."
        "Insert `evenkeel.outbound` before `evenkeel.pool`.";
    TWO_KEYS "EK0510" Error "two filters choose the pool key"
        "There is one place for it: the key of a destination with caps of its own stays on the client's connection, also for its requests to others."
        "Have caps for all destinations (`outbound.maxAge` and `outbound.maxRequests` in the settings of `evenkeel.connection`) or for single ones (`destinations` in those of `evenkeel.outbound`).";
}

/// What is wrong.
pub fn findings(installation: &Installation<'_>) -> Vec<Finding> {
    let mut found = vec![];
    let mut rotated = BTreeMap::new();
    for chain in &installation.chains {
        let Some((_, http)) = &chain.http else { continue };
        let keys = Keys::of(installation.envoy, chain, http);
        found.extend(of_chain(installation, chain, http, &keys));
        if !http.pool.is_empty() {
            let clusters = routes::clusters(installation.envoy, http.manager).into_iter();
            rotated.extend(clusters.filter_map(|name| Some((name, keys.of_cluster(name)?))));
        }
    }
    found.extend(in_no_chain(installation, &found));
    for cluster in installation.envoy.clusters() {
        let caps = rotated.get(cluster.name());
        found.extend(caps.into_iter().flat_map(|caps| of_cluster(installation, &cluster, caps)));
    }
    found
}

fn of_chain(installation: &Installation<'_>, chain: &Chain<'_>, http: &Http<'_>, keys: &Keys) -> Vec<Finding> {
    let place = chain.place.filter(POOL);
    let has_source = !chain.connection.is_empty() || !http.outbound.is_empty();
    let mut found: Vec<Finding> = match (keys.rotate(), http.pool.is_empty()) {
        (Some(true), true) => vec![NO_POOL.at(&chain.place, "no filter of the chain reads the key")],
        (None, true) if !http.outbound.is_empty() => {
            vec![NO_POOL.at(&chain.place, "the chain has evenkeel.outbound, and no filter reads its keys")]
        }
        (Some(false), false) if has_source => {
            vec![
                KEY_WITHOUT_SETTINGS.at(&place, "no settings of the chain's filters have caps in a section `outbound`"),
            ]
        }
        _ => vec![],
    };
    found.extend(http.pool.iter().filter_map(|&at| of_filter(http.filters[at].config(), &place)));
    found.extend(of_choice(installation, chain, http, keys));
    found
}

/// What is wrong with `evenkeel.outbound` in the chain.
fn of_choice(installation: &Installation<'_>, chain: &Chain<'_>, http: &Http<'_>, keys: &Keys) -> Option<Finding> {
    let place = chain.place.filter(OUTBOUND);
    let Some(at) = http.outbound.first() else {
        let delivered = !http.pool.is_empty() && chain.connection.is_empty();
        let delivered = delivered && !installation.delivered_destinations().is_empty();
        let seen = match (keys.are_misplaced, delivered) {
            (true, _) => "the settings of evenkeel.connection have `destinations`, which it does not read",
            (_, true) => "the chain has evenkeel.pool, and settings with destinations were delivered",
            _ => return None,
        };
        return Some(NO_OUTBOUND.at(&chain.place, seen));
    };
    if let Some(pool) = http.pool.first().filter(|pool| *pool < at) {
        return Some(LATE_KEY.at(&place, format!("it is at position {at}, evenkeel.pool at {pool}")));
    }
    let seen = "the settings of evenkeel.connection have `outbound.maxAge` or `outbound.maxRequests` as well";
    keys.are_two().then(|| TWO_KEYS.at(&place, seen))
}

/// Settings that were delivered and that no chain can use.
fn in_no_chain(installation: &Installation<'_>, found: &[Finding]) -> Option<Finding> {
    let is_in = |chain: &Chain<'_>| chain.http.as_ref().is_some_and(|(_, http)| !http.outbound.is_empty());
    let is_told = found.iter().any(|finding| finding.rule == &NO_OUTBOUND);
    let nowhere = !is_told && !installation.chains.iter().any(is_in);
    let delivered = nowhere && !installation.delivered_destinations().is_empty();
    delivered.then(|| NO_OUTBOUND.at(&Place::extension(OUTBOUND), "its settings were delivered, and no chain has it"))
}

/// What is wrong with the configuration of the filter that hands the key on.
pub fn of_filter(config: &Value, place: &Place) -> Option<Finding> {
    let objects = list(unwrapped(config), "on_request_headers");
    let object = objects.iter().find(|object| object.to_string().contains(POOL_KEY));
    let seen = match object.map(|object| (text(object, "shared_with_upstream"), text(object, "factory_key"))) {
        None => format!("no object of `on_request_headers` reads {POOL_KEY}"),
        Some(("ONCE" | "TRANSITIVE", factory)) if is_hashable(factory, object) => return None,
        Some(("ONCE" | "TRANSITIVE", factory)) => format!("the factory {factory:?} makes no part of a pool's key"),
        Some((shared, _)) => format!("shared_with_upstream is {:?}", if shared.is_empty() { "NONE" } else { shared }),
    };
    Some(WRONG_POOL.at(place, seen))
}

/// The factory is named by `factory_key`, or, without it, by `object_key`.
fn is_hashable(factory: &str, object: Option<&Value>) -> bool {
    let factory = if factory.is_empty() { object.map_or("", |object| text(object, "object_key")) } else { factory };
    ["envoy.network.transport_socket.original_dst_address", "envoy.hashable_string"].contains(&factory)
}

fn of_cluster(installation: &Installation<'_>, cluster: &Cluster<'_>, caps: &Caps) -> Vec<Finding> {
    let place = Place::cluster(cluster.name());
    let idle = idle(cluster, caps).map(|(rule, message)| rule.at(&place, message));
    let breaker = overflow(installation, cluster).map(|message| OVERFLOWS.at(&place, message));
    let breaker = breaker.or_else(|| few_connections(cluster, caps).map(|message| FEW_CONNECTIONS.at(&place, message)));
    idle.into_iter().chain(breaker).collect()
}

type Seen = (&'static super::Rule, String);

fn idle(cluster: &Cluster<'_>, caps: &Caps) -> Option<Seen> {
    let max_age = caps.rotation.max_age?;
    let range = format!("{} is {max_age:?}, so it should be {max_age:?} to {:?}", caps.max_age, max_age * 2);
    match cluster.idle_timeout() {
        None => Some((&LONG_IDLE, format!("idle_timeout is 0s, which is for ever; {range}"))),
        Some(idle) if idle > max_age * 2 => Some((&LONG_IDLE, format!("idle_timeout is {idle:?}; {range}"))),
        Some(idle) if idle < max_age => Some((&SHORT_IDLE, format!("idle_timeout is {idle:?}; {range}"))),
        Some(_) => None,
    }
}

fn overflow(installation: &Installation<'_>, cluster: &Cluster<'_>) -> Option<String> {
    let stats = installation.envoy.stats.as_ref()?;
    let stat = format!("cluster.{}.upstream_cx_overflow", cluster.name());
    let times = stats.get(&stat).filter(|times| *times > 0)?;
    Some(format!("{stat} is {times}; max_connections is {}", cluster.max_connections()))
}

/// Of those that are open now, `idle_timeout / maxAge` are at most left over from keys that were replaced when all are new.
fn few_connections(cluster: &Cluster<'_>, caps: &Caps) -> Option<String> {
    let (open, max_age) = (cluster.open_connections()?, caps.rotation.max_age?);
    let idle = cluster.idle_timeout().unwrap_or(Duration::MAX);
    let left_over = (idle.as_secs_f64() / max_age.as_secs_f64()).clamp(1.0, 2.0);
    let (most, needed) = (cluster.max_connections(), (open as f64 * (1.0 + left_over)).ceil());
    let message = || format!("{open} connections are open, rotation may need {needed:.0}, max_connections is {most}");
    (needed > most as f64).then(message)
}
