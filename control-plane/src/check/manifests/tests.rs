use super::*;
use crate::check::{endpoints, outbound, rebalance};
use crate::policy::manifests::Manifests;
use crate::policy::render::{ControlPlane, IstioVersion, Module, Release, render};
use serde_json::json;
use std::collections::BTreeSet;

const POLICY: &str = "
apiVersion: evenkeel.dev/v1alpha1
kind: ConnectionPolicy
metadata: {name: gateway, namespace: istio-system}
spec:
  targetRefs: [{kind: Service, name: gateway}]
  inbound: {maxAge: 30m, maxRequests: 100}
  rebalance: {maxRate: 0.1}
---
apiVersion: v1
kind: Service
metadata: {name: gateway, namespace: istio-system}
spec: {selector: {istio: gateway}, ports: [{name: http, port: 80}]}
";

fn rendered() -> Value {
    rendered_from(POLICY)
}

/// The filters of a policy that caps nothing but one destination.
fn rendered_outbound() -> Value {
    let caps = "inbound: {maxAge: 30m, maxRequests: 100}\n  rebalance: {maxRate: 0.1}";
    let destinations = "outbound: {destinations: [{host: prices.shop.svc.cluster.local, maxAge: 10m}]}";
    rendered_from(&POLICY.replace(caps, destinations))
}

fn rendered_from(policy: &str) -> Value {
    let manifests = Manifests::parse(policy).unwrap();
    let release = Release {
        istio: IstioVersion::V1_31,
        module: Module::new("http://evenkeel/filter.wasm", &"ab".repeat(32)).unwrap(),
        control_plane: ControlPlane {
            rebalance_host: "evenkeel-rebalance".to_owned(),
            xds_host: "evenkeel-xds".to_owned(),
            port: 18000,
            identity: None,
        },
    };
    let policy = &manifests.policies[0];
    json!(render(policy, manifests.service(policy).unwrap(), &BTreeSet::default(), &release).unwrap()[0])
}

fn patch<'a>(object: &'a mut Value, kind: &str, name: &str) -> &'a mut Value {
    let patches = object["spec"]["configPatches"].as_array_mut().unwrap().iter_mut();
    patches.into_iter().find(|patch| patch["applyTo"] == kind && patch["patch"]["value"]["name"] == name).unwrap()
}

fn codes(object: &Value) -> Vec<&'static str> {
    let (matter, found) = check(&object.to_string()).unwrap();
    assert_eq!(matter, 1);
    found.iter().map(|finding| finding.rule.code).collect()
}

/// The codes after one edit.
fn planted(edit: impl FnOnce(&mut Value)) -> Vec<&'static str> {
    let mut object = rendered();
    edit(&mut object);
    codes(&object)
}

#[test]
fn what_is_rendered_has_no_fault() {
    assert_eq!(codes(&rendered()), [""; 0]);
}

#[test]
fn other_manifests_are_passed_over() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: a}}";
    let other = "{apiVersion: networking.istio.io/v1alpha3, kind: EnvoyFilter, metadata: {name: other}, spec: {configPatches: []}}";
    assert_eq!(check(&format!("{service}\n---\n{other}\n---\n")).unwrap(), (0, vec![]));
    assert!(check("{").is_err());
}

#[test]
fn the_object_as_a_whole() {
    let spec = |name: &'static str| planted(move |object| drop(object["spec"].as_object_mut().unwrap().remove(name)));
    assert_eq!(spec("priority"), [NO_PRIORITY.code]);
    assert_eq!(spec("workloadSelector"), [NO_SELECTOR.code]);
}

#[test]
fn where_filters_are_inserted() {
    let network = "NETWORK_FILTER";
    let after =
        planted(|object| patch(object, network, "evenkeel.connection")["patch"]["operation"] = json!("INSERT_AFTER"));
    assert_eq!(after, [WRONG_ANCHOR.code]);
    let anchor = planted(|object| {
        patch(object, "HTTP_FILTER", "evenkeel.request")["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"] =
            json!("envoy.filters.http.cors");
    });
    assert_eq!(anchor, [WRONG_ANCHOR.code]);
    let context = planted(|object| {
        for (kind, name) in
            [(network, "evenkeel.connection"), ("HTTP_FILTER", "evenkeel.request"), ("HTTP_FILTER", "evenkeel.drain")]
        {
            patch(object, kind, name)["match"]["context"] = json!("ANY");
        }
    });
    assert_eq!(context, [NO_CONTEXT.code; 3]);
}

#[test]
fn what_a_chain_would_lack() {
    let without = |kind: &'static str, name: &'static str| {
        planted(move |object| {
            let patches = object["spec"]["configPatches"].as_array_mut().unwrap();
            patches.retain(|patch| patch["applyTo"] != kind || patch["patch"]["value"]["name"] != name);
        })
    };
    assert_eq!(without("HTTP_FILTER", "evenkeel.drain"), [drain::NO_DRAIN.code; 2]);
    assert_eq!(without("HTTP_FILTER", "evenkeel.request"), [drain::NO_REQUEST.code; 2]);
    assert_eq!(without("EXTENSION_CONFIG", "evenkeel.request"), [NO_EXTENSION.code; 2]);
    assert_eq!(without("CLUSTER", "evenkeel-rebalance"), [rebalance::NO_CLUSTER.code]);
    let order = planted(|object| object["spec"]["configPatches"].as_array_mut().unwrap().reverse());
    assert_eq!(order, [drain::REQUEST_AFTER_DRAIN.code; 2]);
}

#[test]
fn what_the_chains_of_capped_destinations_would_lack() {
    let without = |kind: &str, name: &str| {
        let mut object = rendered_outbound();
        let patches = object["spec"]["configPatches"].as_array_mut().unwrap();
        patches.retain(|patch| patch["applyTo"] != kind || patch["patch"]["value"]["name"] != name);
        codes(&object)
    };
    assert_eq!(without("", ""), [""; 0]);
    assert_eq!(without("HTTP_FILTER", "evenkeel.pool"), [outbound::NO_POOL.code; 2]);
    assert_eq!(without("HTTP_FILTER", "evenkeel.outbound"), [outbound::NO_OUTBOUND.code]);
    assert_eq!(without("EXTENSION_CONFIG", "evenkeel.outbound"), [NO_EXTENSION.code; 2]);
    let mut object = rendered_outbound();
    object["spec"]["configPatches"].as_array_mut().unwrap().reverse();
    assert_eq!(codes(&object), [outbound::LATE_KEY.code; 2]);
}

#[test]
fn plugins_are_read_as_in_an_envoy() {
    let plugin = |edit: fn(&mut Value)| {
        planted(|object| {
            let extension = patch(object, "EXTENSION_CONFIG", "evenkeel.request");
            edit(&mut extension["patch"]["value"]["typed_config"]["config"]);
        })
    };
    assert_eq!(plugin(|config| config["failure_policy"] = json!("FAIL_CLOSED")), [plugin::FAILS_CLOSED.code]);
    assert_eq!(plugin(|config| config["vm_config"]["vm_id"] = json!("b")), [plugin::TWO_MACHINES.code]);
    let no_digest = plugin(|config| config["vm_config"]["code"]["remote"]["sha256"] = json!(""));
    assert_eq!(no_digest, [plugin::TWO_MACHINES.code, plugin::NO_DIGEST.code]);
    let settings = planted(|object| {
        let extension = patch(object, "EXTENSION_CONFIG", "evenkeel.connection");
        let config = &mut extension["patch"]["value"]["typed_config"]["config"];
        config["configuration"]["value"] = json!(r#"{"inbound": {"maxAge": "soon"}}"#);
    });
    assert_eq!(settings, [plugin::WRONG_SETTINGS.code, plugin::TWO_SETTINGS.code]);
    let default = planted(|object| {
        let filter = patch(object, "NETWORK_FILTER", "evenkeel.connection");
        filter["patch"]["value"]["config_discovery"]["default_config"] = Value::Null;
    });
    assert_eq!(default, [plugin::NO_DEFAULT.code]);
}

#[test]
fn clusters_are_changed_by_name_and_keep_their_protocol() {
    let add = |value: Value| planted(move |object| object["spec"]["configPatches"].as_array_mut().unwrap().push(value));
    let source = json!({"api_type": "GRPC", "grpc_services": [{"envoy_grpc": {"cluster_name": "evenkeel-xds"}}]});
    let value =
        json!({"eds_cluster_config": {"eds_config": {"initial_fetch_timeout": "0s", "api_config_source": source}}});
    let merge =
        json!({"applyTo": "CLUSTER", "match": {"context": "ANY"}, "patch": {"operation": "MERGE", "value": value}});
    let expected =
        [endpoints::NO_SERVER.code, endpoints::NOT_DELTA.code, endpoints::WAITS_FOR_EVER.code, NO_CLUSTER.code];
    assert_eq!(add(merge), expected);
    let options =
        json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {"common_http_protocol_options": {}}});
    let value = json!({"typed_extension_protocol_options": options});
    let wipe = json!({"applyTo": "CLUSTER", "match": {"cluster": {"name": "a"}}, "patch": {"operation": "MERGE", "value": value}});
    assert_eq!(add(wipe), [WIPES_PROTOCOL.code]);
    let chain = json!({"filter": {"name": "envoy.filters.network.http_connection_manager"}});
    let manager = json!({"applyTo": "NETWORK_FILTER", "match": {"listener": {"filterChain": chain}}, "patch": {"operation": "MERGE", "value": {}}});
    assert_eq!(add(manager), [MERGES_MANAGER.code]);
    let http1 = planted(|object| {
        patch(object, "CLUSTER", "evenkeel-rebalance")["patch"]["value"]["typed_extension_protocol_options"] =
            Value::Null;
    });
    assert_eq!(http1, [endpoints::NOT_HTTP2.code]);
}

#[test]
fn a_policy_that_nobody_can_read() {
    let (matter, found) = check(&POLICY.replace("maxAge", "maxAgee")).unwrap();
    assert_eq!((matter, found.len(), found[0].rule), (1, 1, &BAD_MANIFEST));
    assert!(found[0].message.contains("maxAgee"), "{}", found[0].message);
    assert_eq!(check(POLICY).unwrap(), (1, vec![]));
}
