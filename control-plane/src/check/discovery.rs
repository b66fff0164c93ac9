//! EK04: whether discovered configurations are in force.
//!
//! Envoy's dump shows the newest configuration that it was sent, also when it has refused it. What tells the two apart are
//! the stats `extension_config_discovery.*`, or, in proxies of Istio, which keep only some stats, that a plugin in force
//! has stats `wasm.NAME.*`.

use super::envoy::{Envoy, Plugin, Stats};
use super::finding::{Finding, Place, rules};
use super::installation::Installation;
use std::collections::BTreeMap;

rules! {
    NOT_DELIVERED "EK0401" Error "the configuration of a filter was never delivered"
        "The filter's default is in force: it does nothing."
        "In Istio apply the `EXTENSION_CONFIG` patch with this name (and see that `workloadSelector` and `match.context` are those of the filter's patch); without Istio, look at the file that `config_source` names.";
    REFUSED "EK0402" Error "the newest configuration of a filter was refused"
        "What was in force before stays; after a start that is the default, which does nothing."
        "Look for the reason in Envoy's log (`wasm`, `rejected`): mostly the settings or the module's file or digest; correct it and it is taken at once.";
    NOT_RUNNING "EK0403" Error "a plugin was delivered and does not run"
        "Its settings or its module were refused; the filter's default is in force."
        "Look for the reason in Envoy's log (`kubectl logs POD -c istio-proxy | grep -i wasm`).";
}

/// What is wrong. Filters of many chains share one configuration: it is named once.
pub fn findings(installation: &Installation<'_>) -> Vec<Finding> {
    let names = discovered(installation);
    names.into_iter().filter_map(|(name, kind)| fault(installation.envoy, name, kind)).collect()
}

/// The names that our filters discover their configuration by, and the kind of the filter in Envoy's stats.
fn discovered<'a>(installation: &Installation<'a>) -> BTreeMap<&'a str, &'static str> {
    let filters = installation.chains.iter().flat_map(|chain| {
        let network = chain.connection_filter.map(|filter| (filter, "network_filter"));
        let http = chain.http.iter().flat_map(|(_, http)| http.plugins()).map(|filter| (filter, "http_filter"));
        network.into_iter().chain(http)
    });
    filters.filter(|(filter, _)| filter.discovery().is_some()).map(|(filter, kind)| (filter.name(), kind)).collect()
}

fn fault(envoy: &Envoy, name: &str, kind: &str) -> Option<Finding> {
    let place = Place::extension(name);
    let Some(extension) = envoy.extension(name) else {
        return Some(NOT_DELIVERED.at(&place, "the dump has no discovered configuration of this name"));
    };
    if !extension.error().is_empty() {
        return Some(REFUSED.at(&place, extension.error()));
    }
    let stats = envoy.stats.as_ref()?;
    match Discovery::of(stats, kind, name) {
        Some(discovery) => discovery.refused(extension.came()).map(|message| REFUSED.at(&place, message)),
        None => not_running(stats, &place, Plugin::of(extension.config())?),
    }
}

/// What the stats of one filter's discovery say.
struct Discovery {
    prefix: String,
    refusals: u64,
    /// The time of the last update that was taken, in milliseconds since 1970; 0 before the first.
    taken: u64,
}

impl Discovery {
    /// None where they are not kept.
    fn of(stats: &Stats, kind: &str, name: &str) -> Option<Self> {
        let prefix = format!("extension_config_discovery.{kind}.{name}");
        let get = |stat: &str| stats.get(&format!("{prefix}.{stat}"));
        let refusals = get("update_rejected")?.max(get("config_fail").unwrap_or_default());
        let taken = get("update_time").unwrap_or_default();
        Some(Self { prefix, refusals, taken })
    }

    /// What speaks for a refusal of the configuration that came then, in milliseconds since 1970.
    fn refused(&self, came: Option<u64>) -> Option<String> {
        let is_newer = self.taken == 0 || came.is_some_and(|came| came > self.taken);
        let is_refused = self.refusals > 0 && is_newer;
        is_refused.then(|| format!("{}.update_rejected is {}", self.prefix, self.refusals))
    }
}

/// Every worker's plugin has made its stats by the time that the configuration is in force.
fn not_running(stats: &Stats, place: &Place, plugin: Plugin<'_>) -> Option<Finding> {
    let stat = format!("wasm.{}.vm_reload", plugin.name());
    // Where nothing of the server is there, only a part of the stats was saved.
    let is_missing = stats.get("server.live").is_some() && stats.get(&stat).is_none();
    is_missing.then(|| NOT_RUNNING.at(place, format!("there is no stat {stat}")))
}
