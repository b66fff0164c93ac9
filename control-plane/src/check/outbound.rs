//! EK05: rotation of the connections that the proxy opens.

use super::envoy::Cluster;
use super::finding::{Finding, Place, rules};
use super::installation::{Chain, Http, Installation, POOL, POOL_KEY};
use super::message::{list, text, unwrapped};
use super::routes;
use evenkeel_filter_core::Settings;
use evenkeel_filter_core::settings::Outbound;
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
        "Set the cluster's `idle_timeout` to 1 to 2 times `outbound.maxAge`: in Istio by the DestinationRule's `connectionPool.http.idleTimeout`, else in `common_http_protocol_options`.";
    SHORT_IDLE "EK0504" Info "the idle timeout is shorter than the rotation"
        "Connections that pause close before their key is replaced: more are opened than rotation alone needs."
        "Set the cluster's `idle_timeout` to 1 to 2 times `outbound.maxAge`.";
    FEW_CONNECTIONS "EK0505" Warning "the circuit breaker leaves no room for rotation"
        "While a key is replaced the old connections and the new ones are open together; above `max_connections` each new pool gets one connection, and requests queue."
        "Raise `max_connections` of the cluster's `circuit_breakers`: in Istio by the DestinationRule's `connectionPool.tcp.maxConnections`.";
    OVERFLOWS "EK0506" Error "the circuit breaker is open or was"
        "Requests wait for the few connections that are allowed, or fail."
        "Raise `max_connections` of the cluster's `circuit_breakers`, or lower its `idle_timeout` so that old connections end earlier.";
    KEY_WITHOUT_SETTINGS "EK0507" Info "`evenkeel.pool` has nothing to do"
        "No setting rotates outbound connections, so there is no key."
        "Add the section `outbound` to the settings, or take `evenkeel.pool` away.";
}

/// What is wrong.
pub fn findings(installation: &Installation<'_>) -> Vec<Finding> {
    let mut found = vec![];
    let mut rotated = BTreeMap::new();
    for chain in &installation.chains {
        let Some((_, http)) = &chain.http else { continue };
        let settings = chain.settings(installation.envoy);
        found.extend(of_chain(chain, http, settings.as_ref()));
        if let (Some(outbound), false) = (settings.and_then(|settings| settings.outbound), http.pool.is_empty()) {
            let clusters = routes::clusters(installation.envoy, http.manager).into_iter();
            rotated.extend(clusters.map(|name| (name, outbound.clone())));
        }
    }
    for cluster in installation.envoy.clusters() {
        let outbound = rotated.get(cluster.name());
        found.extend(outbound.into_iter().flat_map(|outbound| of_cluster(installation, &cluster, outbound)));
    }
    found
}

/// `settings` are absent where they are not known.
fn of_chain(chain: &Chain<'_>, http: &Http<'_>, settings: Option<&Settings>) -> Vec<Finding> {
    let place = chain.place.filter(POOL);
    let mut found: Vec<Finding> = match (settings.map(|settings| settings.outbound.is_some()), http.pool.is_empty()) {
        (Some(true), true) => vec![NO_POOL.at(&chain.place, "no filter of the chain reads the key")],
        (Some(false), false) => vec![KEY_WITHOUT_SETTINGS.at(&place, "the settings have no section `outbound`")],
        _ => vec![],
    };
    found.extend(http.pool.iter().filter_map(|&at| of_filter(http.filters[at].config(), &place)));
    found
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

fn of_cluster(installation: &Installation<'_>, cluster: &Cluster<'_>, outbound: &Outbound) -> Vec<Finding> {
    let place = Place::cluster(cluster.name());
    let idle = idle(cluster, outbound).map(|(rule, message)| rule.at(&place, message));
    let breaker = overflow(installation, cluster).map(|message| OVERFLOWS.at(&place, message));
    let breaker =
        breaker.or_else(|| few_connections(cluster, outbound).map(|message| FEW_CONNECTIONS.at(&place, message)));
    idle.into_iter().chain(breaker).collect()
}

type Seen = (&'static super::Rule, String);

fn idle(cluster: &Cluster<'_>, outbound: &Outbound) -> Option<Seen> {
    let max_age = outbound.max_age?;
    let range = format!("outbound.maxAge is {max_age:?}, so it should be {max_age:?} to {:?}", max_age * 2);
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
fn few_connections(cluster: &Cluster<'_>, outbound: &Outbound) -> Option<String> {
    let (open, max_age) = (cluster.open_connections()?, outbound.max_age?);
    let idle = cluster.idle_timeout().unwrap_or(Duration::MAX);
    let left_over = (idle.as_secs_f64() / max_age.as_secs_f64()).clamp(1.0, 2.0);
    let (most, needed) = (cluster.max_connections(), (open as f64 * (1.0 + left_over)).ceil());
    let message = || format!("{open} connections are open, rotation may need {needed:.0}, max_connections is {most}");
    (needed > most as f64).then(message)
}
