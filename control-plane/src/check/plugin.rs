//! EK03: the wasm plugins: what they are told, and how they fail.

use super::envoy::Plugin;
use super::finding::{Finding, Place, rules};
use super::installation::{Chain, Installation, is_root};
use super::message::{at, has, is, type_name, unwrapped};
use crate::policy::render::filters::{CONNECTION, OUTBOUND, REQUEST};
use serde_json::Value;

rules! {
    WRONG_SETTINGS "EK0301" Error "the settings are refused"
        "The filter does not start with them: what was in force before stays, and a new Envoy has nothing."
        "Correct the field that the message names, in `configuration.value` of the plugin or in the ConnectionPolicy.";
    FAILS_CLOSED "EK0302" Error "a failing module would refuse every connection"
        "With the default of `failure_policy`, FAIL_CLOSED, a module that traps or cannot be loaded resets all connections from then on."
        "Set `failure_policy: FAIL_RELOAD` (Envoy alone) or `FAIL_OPEN` (Istio, whose agent reads it when it cannot fetch the module).";
    TWO_MACHINES "EK0303" Error "the two filters do not share a virtual machine"
        "`evenkeel.request` knows connections from the table of `evenkeel.connection`, which is in the same VM only when the whole `vm_config` is equal: apart, no request is counted."
        "Give both plugins the same `vm_id`, `runtime`, `code` and other fields of `vm_config`.";
    TWO_SETTINGS "EK0304" Warning "`evenkeel.request` has settings of its own"
        "Those of `evenkeel.connection` hold; others are not read and mislead whoever does."
        "Give `evenkeel.request` the same `configuration` or none.";
    WRONG_ROOT "EK0305" Error "the plugin runs another part of the module"
        "`root_id` chooses the part; any other text does nothing."
        "Set `root_id: evenkeel.connection` in the network filter's plugin, `root_id: evenkeel.request` or `root_id: evenkeel.outbound` in those of the HTTP filters of these names.";
    NO_DEFAULT "EK0306" Warning "the filter has no default that does nothing"
        "While the configuration has not come, or is refused at a start, Envoy closes every connection of the chain, or answers with what the default says."
        "Set `config_discovery.default_config` to an RBAC filter without `rules`, and name its type in `type_urls`.";
    REPLACED "EK0307" Error "another filter was delivered in the module's place"
        "Istio's agent does that when it cannot fetch the module: connections are neither capped nor moved."
        "See the agent's log for the reason (`kubectl logs POD -c istio-proxy | grep -i wasm`); the URL and SHA-256 are in `vm_config.code.remote`.";
    NO_DIGEST "EK0308" Error "the module is fetched without a digest"
        "Envoy wants to know what it fetches: it refuses the configuration."
        "Set `vm_config.code.remote.sha256` to what `sha256sum` prints for the module.";
    TRAPPED "EK0309" Warning "the module has failed and was started again"
        "Each time the worker's connections are closed and its counts are lost."
        "Report it, with the lines about wasm in Envoy's log.";
    NO_TEXT "EK0310" Error "the plugin has no settings"
        "Without `configuration` the filter does nothing."
        "Set `configuration` to a `google.protobuf.StringValue` with the settings as JSON.";
}

const ROOTS: [&str; 3] = [CONNECTION, REQUEST, OUTBOUND];

/// What is wrong.
pub fn findings(installation: &Installation<'_>) -> Vec<Finding> {
    let plugins = installation.plugins();
    let mut found: Vec<Finding> = plugins.iter().flat_map(|(place, plugin)| of_plugin(place, *plugin)).collect();
    found.extend(apart(&plugins));
    found.extend(replaced(installation));
    found.extend(defaults(installation));
    found.extend(plugins.iter().filter_map(|(place, plugin)| trapped(installation, place, *plugin)));
    found
}

/// What is wrong with one alone.
pub fn of_plugin(place: &Place, plugin: Plugin<'_>) -> Vec<Finding> {
    let settings = plugin.settings().err().map(|error| WRONG_SETTINGS.at(place, error.to_string()));
    let has_own = [CONNECTION, OUTBOUND].iter().any(|root| is_root(root, &place.filter, plugin));
    let is_told = !(has_own && plugin.configuration().trim().is_empty());
    let no_text = (!is_told).then(|| NO_TEXT.at(place, "`configuration` is absent or empty"));
    let digest =
        plugin.is_remote_without_digest().then(|| NO_DIGEST.at(place, "`vm_config.code.remote.sha256` is absent"));
    let is_wrong = ROOTS.contains(&place.filter.as_str()) && place.filter != plugin.root_id();
    let root = is_wrong.then(|| WRONG_ROOT.at(place, format!("root_id is {:?}", plugin.root_id())));
    [settings, no_text, digest, root, fails_closed(place, plugin)].into_iter().flatten().collect()
}

fn fails_closed(place: &Place, plugin: Plugin<'_>) -> Option<Finding> {
    let seen = match plugin.failure_policy() {
        "FAIL_OPEN" | "FAIL_RELOAD" => return None,
        "" => "failure_policy is not set".to_owned(),
        policy => format!("failure_policy is {policy}"),
    };
    Some(FAILS_CLOSED.at(place, seen))
}

/// What the two roots that know connections should have in common.
pub fn apart(plugins: &[(Place, Plugin<'_>)]) -> Vec<Finding> {
    let of = |root| plugins.iter().find(move |(place, plugin)| is_root(root, &place.filter, *plugin));
    let (Some((_, connection)), Some((place, request))) = (of(CONNECTION), of(REQUEST)) else { return vec![] };
    let machines = (connection.vm_config() != request.vm_config()).then(|| {
        TWO_MACHINES
            .at(place, format!("vm_config differs in {}", difference(connection.vm_config(), request.vm_config())))
    });
    let own = request.configuration();
    let settings = !own.trim().is_empty() && own != connection.configuration();
    let settings =
        settings.then(|| TWO_SETTINGS.at(place, "its `configuration` differs from that of evenkeel.connection"));
    machines.into_iter().chain(settings).collect()
}

/// The fields in which two objects differ.
fn difference(left: &Value, right: &Value) -> String {
    let fields = |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    let mut all: Vec<String> = fields(left);
    all.extend(fields(right));
    all.sort();
    all.dedup();
    let differs = all.iter().filter(|name| left.get(name.as_str()) != right.get(name.as_str()));
    differs.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn replaced(installation: &Installation<'_>) -> Vec<Finding> {
    let extensions = installation.envoy.extensions().into_iter();
    let ours = extensions.filter(|extension| ROOTS.contains(&extension.name()));
    let others = ours.filter(|extension| Plugin::of(extension.config()).is_none());
    let written = |config: &Value| type_name(config).to_owned();
    others
        .map(|other| REPLACED.at(&Place::extension(other.name()), format!("it is {}", written(other.config()))))
        .collect()
}

fn defaults(installation: &Installation<'_>) -> Vec<Finding> {
    let of_chain = |chain: &Chain<'_>| {
        let http = chain.http.iter().flat_map(|(_, http)| http.plugins());
        let filters = chain.connection_filter.into_iter().chain(http);
        filters
            .filter_map(|filter| no_default(filter.discovery()?, &chain.place.filter(filter.name())))
            .collect::<Vec<_>>()
    };
    // Nobody can give a default to a `WasmPlugin`.
    installation.chains.iter().filter(|chain| !chain.has_wasm_plugin()).flat_map(of_chain).collect()
}

/// What is wrong with the default of a filter that discovers its configuration.
pub fn no_default(discovery: &Value, place: &Place) -> Option<Finding> {
    let default = at(discovery, "default_config");
    let does_nothing = is(default, "RBAC") && !has(unwrapped(default), "rules") && !has(unwrapped(default), "matcher");
    let seen = match (default.is_null(), does_nothing) {
        (_, true) => return None,
        (true, _) => "`default_config` is absent".to_owned(),
        _ => format!("`default_config` is {}, which may do something", type_name(default)),
    };
    Some(NO_DEFAULT.at(place, seen))
}

fn trapped(installation: &Installation<'_>, place: &Place, plugin: Plugin<'_>) -> Option<Finding> {
    let stats = installation.envoy.stats.as_ref()?;
    let times = stats.get(&format!("wasm.{}.vm_reload", plugin.name())).filter(|times| *times > 0)?;
    Some(TRAPPED.at(place, format!("wasm.{}.vm_reload is {times}", plugin.name())))
}
