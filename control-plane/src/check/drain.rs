//! EK02: the HTTP filters: counting requests, and draining what is marked.

use super::finding::{Finding, Place, rules};
use super::installation::{Chain, Http, Installation};
use super::message::{at, is, list, text, unwrapped};
use crate::policy::render::filters::{DRAIN, DRAIN_MARK, REQUEST};
use evenkeel_filter_core::{Settings, Signal};
use serde_json::Value;
use std::time::Duration;

rules! {
    NO_DRAIN "EK0201" Error "`evenkeel.drain` is missing"
        "Connections are marked, and nobody drains them: caps and rebalancing have no effect."
        "Insert the Lua filter `evenkeel.drain` before `envoy.filters.http.router` in this chain (render the policy again, or copy it from filter/example/envoy.yaml).";
    REQUEST_AFTER_DRAIN "EK0202" Error "`evenkeel.request` stands after `evenkeel.drain`"
        "The matcher of `evenkeel.drain` looks at the mark when a request's headers pass it: what is marked behind it is seen too late, and the response to request number `maxRequests` does not drain."
        "Insert `evenkeel.request` before `evenkeel.drain`.";
    AFTER_ROUTER "EK0203" Error "one of Evenkeel's HTTP filters stands after the router"
        "The router ends the chain: a filter after it sees nothing, or Envoy refuses the listener."
        "Insert it before `envoy.filters.http.router` (`operation: INSERT_BEFORE` with that `subFilter` in the match).";
    WRONG_MATCHER "EK0204" Error "`evenkeel.drain` does not look at the mark"
        "Without its matcher it drains every connection with the first response; with another key or value it drains none."
        "Wrap it in `ExtensionWithMatcher` with `SkipFilter` unless the `FilterStateInput` of key `wasm.ek_drain` is exactly \"1\", as in filter/example/envoy.yaml.";
    WRONG_SCRIPT "EK0205" Error "the script of `evenkeel.drain` drains nothing"
        "The mark is seen, and the connection is kept."
        "Let the script's `envoy_on_response(handle)` call `handle:streamInfo():drainConnectionUponCompletion()`.";
    SHORT_DRAIN "EK0206" Error "`drain_timeout` is shorter than 1s"
        "It is the time in which HTTP/2 requests that cross the first GOAWAY are still served: with less of it some of them fail."
        "Set `drain_timeout` of the HTTP connection manager to `1s` or more, or leave it out (5s).";
    NO_REQUEST "EK0207" Error "the settings need `evenkeel.request`, which is missing"
        "`maxRequests`, `streamGrace` and `signal: requests` need to see requests: without it they do nothing."
        "Insert `evenkeel.request` before `evenkeel.drain`, or take these settings away.";
    NEEDLESS_REQUEST "EK0208" Info "`evenkeel.request` has nothing to do"
        "It costs about 2 microseconds for each request, and no setting needs it."
        "Take `evenkeel.request` away, which drains each connection of the chain once.";
}

const SHORTEST_DRAIN: Duration = Duration::from_secs(1);

/// What is wrong.
pub fn findings(installation: &Installation<'_>) -> Vec<Finding> {
    // A `WasmPlugin` needs none of this.
    let chains = installation.chains.iter().filter(|chain| chain.has_ours() && !chain.has_wasm_plugin());
    chains.flat_map(|chain| chain.http.iter().flat_map(move |(_, http)| of_chain(installation, chain, http))).collect()
}

fn of_chain(installation: &Installation<'_>, chain: &Chain<'_>, http: &Http<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        [short_drain(chain, http), missing(installation, chain, http)].into_iter().flatten().collect();
    found.extend(order(chain, http));
    for &position in &http.drain {
        found.extend(of_filter(http.filters[position].config(), &chain.place.filter(DRAIN)));
    }
    found.extend(request(installation, chain, http));
    found
}

fn short_drain(chain: &Chain<'_>, http: &Http<'_>) -> Option<Finding> {
    let timeout = http.manager.drain_timeout().filter(|timeout| *timeout < SHORTEST_DRAIN)?;
    Some(SHORT_DRAIN.at(&chain.place, format!("drain_timeout is {timeout:?}")))
}

/// Where only the pool key is changed nothing is drained.
fn missing(installation: &Installation<'_>, chain: &Chain<'_>, http: &Http<'_>) -> Option<Finding> {
    let settings = chain.settings(installation.envoy);
    let drains = settings.is_none_or(|settings| settings.inbound.is_some() || settings.rebalance.is_some());
    let is_missing = drains && http.drain.is_empty() && !chain.connection.is_empty();
    is_missing.then(|| NO_DRAIN.at(&chain.place, "the chain has evenkeel.connection, and no filter reads its mark"))
}

fn order(chain: &Chain<'_>, http: &Http<'_>) -> Vec<Finding> {
    let mut found = vec![];
    if let (Some(request), Some(drain)) = (http.request.first(), http.drain.first())
        && request > drain
    {
        let message = format!("evenkeel.request is at position {request}, evenkeel.drain at {drain}");
        found.push(REQUEST_AFTER_DRAIN.at(&chain.place.filter(REQUEST), message));
    }
    let router = http.router.unwrap_or(usize::MAX);
    found.extend(http.ours().filter(|at| *at > router).map(|at| {
        let message = format!("it is at position {at}, the router at {router}");
        AFTER_ROUTER.at(&chain.place.filter(http.filters[at].name()), message)
    }));
    found
}

fn request(installation: &Installation<'_>, chain: &Chain<'_>, http: &Http<'_>) -> Option<Finding> {
    let needs = needs_requests(&chain.settings(installation.envoy)?);
    match (needs.as_slice(), http.request.is_empty()) {
        ([], false) => Some(NEEDLESS_REQUEST.at(&chain.place.filter(REQUEST), "no setting needs it")),
        ([_, ..], true) => Some(NO_REQUEST.at(&chain.place, format!("needed by {}", needs.join(", ")))),
        _ => None,
    }
}

/// The settings that count or time requests.
pub fn needs_requests(settings: &Settings) -> Vec<&'static str> {
    let inbound = settings.inbound.unwrap_or_default();
    let by_requests = settings.rebalance.as_ref().is_some_and(|rebalance| rebalance.signal == Signal::Requests);
    let outbound = settings.outbound.as_ref().is_some_and(|outbound| outbound.max_requests.is_some());
    let needs = [
        (inbound.max_requests.is_some(), "inbound.maxRequests"),
        (inbound.stream_grace.is_some(), "inbound.streamGrace"),
        (by_requests, "rebalance.signal: requests"),
        (outbound, "outbound.maxRequests"),
    ];
    needs.into_iter().filter(|(needed, _)| *needed).map(|(_, name)| name).collect()
}

/// What is wrong with the configuration of the Lua filter.
pub fn of_filter(config: &Value, place: &Place) -> Vec<Finding> {
    let matching = unwrapped(config);
    let is_matched = is(config, "ExtensionWithMatcher")
        && list(matching, "xds_matcher/matcher_list/matchers").iter().any(skips_unmarked);
    let matcher = (!is_matched).then(|| WRONG_MATCHER.at(place, seen(config)));
    let drains = !is_matched || drains(unwrapped(at(matching, "extension_config/typed_config")));
    let script = (!drains).then(|| WRONG_SCRIPT.at(place, "it does not call drainConnectionUponCompletion"));
    matcher.into_iter().chain(script).collect()
}

/// A script that is in a file cannot be seen.
fn drains(lua: &Value) -> bool {
    let scripts = ["default_source_code/inline_string", "inline_code"].map(|field| text(lua, field));
    scripts.iter().all(|script| script.is_empty() || script.contains("drainConnectionUponCompletion"))
}

/// Skips the filter where the mark is not set.
fn skips_unmarked(matcher: &Value) -> bool {
    let predicate = at(matcher, "predicate/not_matcher/single_predicate");
    let key = text(unwrapped(at(predicate, "input/typed_config")), "key");
    let skips = is(at(matcher, "on_match/action/typed_config"), "SkipFilter");
    skips && key == DRAIN_MARK && text(predicate, "value_match/exact") == "1"
}

fn seen(config: &Value) -> String {
    if is(config, "ExtensionWithMatcher") {
        format!("its matcher does not skip it unless {DRAIN_MARK} is \"1\"")
    } else {
        "it is not wrapped in ExtensionWithMatcher, so it runs for every response".to_owned()
    }
}
