use super::*;
use crate::policy::manifests::Manifests;
use crate::policy::testing::release;

const POLICY: &str = "
apiVersion: evenkeel.dev/v1alpha1
kind: ConnectionPolicy
metadata: {name: gateway, namespace: istio-system}
spec:
  targetRefs: [{kind: Service, name: istio-ingressgateway}]
  inbound: {maxAge: 30m, jitter: 0.2}
  rebalance: {maxRate: 0.1}
---
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec: {selector: {istio: ingressgateway}, ports: [{name: http, port: 80}]}
";

fn all(text: &str) -> Result<Vec<Value>, RenderError> {
    all_for(text, &release())
}

fn all_for(text: &str, release: &Release) -> Result<Vec<Value>, RenderError> {
    let manifests = Manifests::parse(text).unwrap();
    let policy = &manifests.policies[0];
    let objects = render(policy, manifests.service(policy).unwrap(), &BTreeSet::new(), release)?;
    Ok(objects.iter().map(|object| serde_json::to_value(object).unwrap()).collect())
}

fn rendered(text: &str) -> Result<Value, RenderError> {
    Ok(all(text)?.remove(0))
}

fn patches<'a>(object: &'a Value, kind: &str) -> Vec<&'a Value> {
    object["spec"]["configPatches"].as_array().unwrap().iter().filter(|patch| patch["applyTo"] == kind).collect()
}

#[test]
fn every_number_is_in_the_discovered_configuration() {
    let object = rendered(POLICY).unwrap();
    let configurations = patches(&object, "EXTENSION_CONFIG");
    assert_eq!(configurations.len(), 1, "requests are not counted");
    let text = configurations[0].pointer("/patch/value/typed_config/config/configuration/value").unwrap();
    let settings = Settings::parse(text.as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(settings.rebalance.unwrap().group.as_str(), "istio-system/istio-ingressgateway");
    let edited = rendered(&POLICY.replace("30m", "31m").replace("0.1", "0.3")).unwrap();
    for kind in ["NETWORK_FILTER", "HTTP_FILTER", "CLUSTER"] {
        assert_eq!(patches(&object, kind), patches(&edited, kind), "an edit of it would drain every connection");
    }
}

#[test]
fn requests_are_counted_where_the_policy_asks_for_it() {
    for (from, to) in
        [("maxAge: 30m", "maxRequests: 100"), ("maxAge: 30m", "streamGrace: 5m"), ("maxRate: 0.1", "signal: requests")]
    {
        let object = rendered(&POLICY.replace(from, to)).unwrap();
        assert_eq!(patches(&object, "HTTP_FILTER").len(), 4, "two filters in two contexts: {to}");
        assert_eq!(patches(&object, "EXTENSION_CONFIG").len(), 2, "{to}");
    }
    assert_eq!(patches(&rendered(POLICY).unwrap(), "HTTP_FILTER").len(), 2);
}

#[test]
fn a_service_that_selects_no_pods_is_refused() {
    let error = rendered(&POLICY.replace("{selector: {istio: ingressgateway}, ", "{")).unwrap_err().to_string();
    assert!(error.contains("istio-system/istio-ingressgateway has no selector"), "{error}");
}

const ENDPOINTS: &str = "endpoints: {destinations: [
  {host: cart.shop.svc.cluster.local, port: 80, subset: v1}, {host: cart.shop.svc.cluster.local, port: 80},
  {host: cart.shop.svc.cluster.local, port: 80}]}";

#[test]
fn each_destination_has_an_object_of_its_own_and_only_one() {
    let with_endpoints = POLICY.replace("inbound: {maxAge: 30m, jitter: 0.2}", ENDPOINTS);
    let objects = all(&with_endpoints).unwrap();
    let names: Vec<_> = objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect();
    let expected = [
        "evenkeel-gateway",
        "evenkeel-gateway-80-cart.shop.svc.cluster.local",
        "evenkeel-gateway-80-v1.cart.shop.svc.cluster.local",
    ];
    assert_eq!(names, expected);
    let matched: Vec<_> =
        objects[1..].iter().map(|object| patches(object, "CLUSTER")[0]["match"]["cluster"]["name"].clone()).collect();
    assert_eq!(matched, ["outbound|80||cart.shop.svc.cluster.local", "outbound|80|v1|cart.shop.svc.cluster.local"]);
    let added: Vec<_> =
        patches(&objects[0], "CLUSTER").iter().map(|patch| patch["patch"]["value"]["name"].clone()).collect();
    assert_eq!(added, ["evenkeel-rebalance", "evenkeel-xds"]);
}

#[test]
fn a_policy_for_endpoints_alone_leaves_the_filter_chains_as_they_are() {
    let policy =
        POLICY.replace("inbound: {maxAge: 30m, jitter: 0.2}", ENDPOINTS).replace("rebalance: {maxRate: 0.1}", "");
    for object in all(&policy).unwrap() {
        let patches = object["spec"]["configPatches"].as_array().unwrap();
        assert!(patches.iter().all(|patch| patch["applyTo"] == "CLUSTER"), "{object}");
    }
}

const OUTBOUND: &str = "outbound: {destinations: [
  {host: cart.shop.svc.cluster.local, maxAge: 10m, maxRequests: 4000000000}, {host: api.example.com, maxRequests: 1000}]}";

#[test]
fn a_destination_comes_and_goes_without_a_change_of_any_chain() {
    let policy = POLICY.replace("inbound: {maxAge: 30m, jitter: 0.2}", OUTBOUND);
    let objects = all(&policy).unwrap();
    let fewer = all(&policy.replace(", {host: api.example.com, maxRequests: 1000}", "")).unwrap();
    assert_eq!((objects.len(), fewer.len()), (3, 2));
    assert_eq!(patches(&objects[0], "HTTP_FILTER"), patches(&fewer[0], "HTTP_FILTER"));
    let roots: Vec<_> =
        patches(&objects[0], "EXTENSION_CONFIG").iter().map(|patch| patch["patch"]["value"]["name"].clone()).collect();
    assert_eq!(roots, ["evenkeel.connection", "evenkeel.outbound"]);
    assert_ne!(patches(&objects[0], "EXTENSION_CONFIG"), patches(&fewer[0], "EXTENSION_CONFIG"));
}

#[test]
fn idle_connections_end_by_a_rule_that_only_the_policy_s_pods_follow() {
    let policy = POLICY.replace("inbound: {maxAge: 30m, jitter: 0.2}", OUTBOUND);
    let objects = all(&policy).unwrap();
    let expected = json!({
        "host": "cart.shop.svc.cluster.local",
        "exportTo": ["."],
        "workloadSelector": {"matchLabels": {"istio": "ingressgateway"}},
        "trafficPolicy": {"connectionPool": {"http": {"idleTimeout": "600s"}}},
    });
    assert_eq!(objects[1]["spec"], expected);
    assert_eq!(objects[1]["metadata"]["name"], "evenkeel-gateway-cart.shop.svc.cluster.local");
    let pool = objects[2].pointer("/spec/trafficPolicy/connectionPool/http").unwrap();
    assert_eq!(*pool, json!({"idleTimeout": "60s", "maxRequestsPerConnection": 1000}));
}

#[test]
fn where_somebody_else_s_rule_serves_there_is_none_of_ours() {
    let policy = POLICY.replace("inbound: {maxAge: 30m, jitter: 0.2}", &OUTBOUND.replace("4000000000", "1"));
    let manifests = Manifests::parse(&policy).unwrap();
    let (policy, ruled) =
        (&manifests.policies[0], BTreeSet::from([Host::try_from("api.example.com".to_owned()).unwrap()]));
    let objects = render(policy, manifests.service(policy).unwrap(), &ruled, &release()).unwrap();
    let names: Vec<_> = objects.iter().map(|object| object.metadata.name.clone().unwrap()).collect();
    assert_eq!(names, ["evenkeel-gateway", "evenkeel-gateway-cart.shop.svc.cluster.local"]);
}

#[test]
fn only_the_control_plane_s_identity_makes_its_clusters_ones_of_mutual_tls() {
    let policy = POLICY.replace("inbound: {maxAge: 30m, jitter: 0.2}", ENDPOINTS);
    let mut release = release();
    let mut clear_text = all_for(&policy, &release).unwrap();
    let identity = "spiffe://cluster.local/ns/evenkeel-system/sa/evenkeel";
    release.control_plane.identity = Some(identity.parse().unwrap());
    let secured = all_for(&policy, &release).unwrap();
    for cluster in patches(&secured[0], "CLUSTER") {
        let context = cluster.pointer("/patch/value/transport_socket/typed_config/common_tls_context").unwrap();
        let validation = &context["combined_validation_context"];
        let names = &validation["default_validation_context"]["match_typed_subject_alt_names"];
        assert_eq!(*names, json!([{"san_type": "URI", "matcher": {"exact": identity}}]));
        for secret in
            [&context["tls_certificate_sds_secret_configs"][0], &validation["validation_context_sds_secret_config"]]
        {
            assert_ne!(secret["sds_config"]["initial_fetch_timeout"], "0s", "a fresh proxy would wait for ever");
        }
    }
    let added = clear_text[0]["spec"]["configPatches"].as_array_mut().unwrap();
    for (added, cluster) in
        added.iter_mut().filter(|patch| patch["applyTo"] == "CLUSTER").zip(patches(&secured[0], "CLUSTER"))
    {
        added["patch"]["value"]["transport_socket"] = cluster["patch"]["value"]["transport_socket"].clone();
    }
    assert_eq!(clear_text, secured, "nothing else is different");
}
