use super::*;
use crate::policy::manifests::Manifests;
use crate::policy::testing::release;

fn rendered(sections: &str, proxies: Proxies, url: &str) -> Result<Value, RenderError> {
    let text = format!(
        "{{apiVersion: evenkeel.dev/v1alpha1, kind: ConnectionPolicy, metadata: {{name: caps, namespace: shop}},
           spec: {{targetRefs: [{{kind: Service, name: cart}}], {sections}}}}}\n---
         {{apiVersion: v1, kind: Service, metadata: {{name: cart, namespace: shop}}, spec: {{selector: {{app: cart}}}}}}"
    );
    let manifests = Manifests::parse(&text).unwrap();
    let policy = &manifests.policies[0];
    let module = Module { url: url.to_owned(), ..release().module };
    let object = wasm_plugin(policy, manifests.service(policy).unwrap(), proxies, &module)?;
    Ok(serde_json::to_value(object).unwrap())
}

#[test]
fn caps_become_one_network_filter_for_the_pods_of_the_service() {
    let url = "https://example.com/caps.wasm";
    let object = rendered("inbound: {maxAge: 90m, maxRequests: 10, jitter: 0.2}", Proxies::Sidecars, url).unwrap();
    assert_eq!((&object["kind"], &object["metadata"]["namespace"]), (&json!("WasmPlugin"), &json!("shop")));
    let spec = json!({
        "selector": {"matchLabels": {"app": "cart"}},
        "match": [{"mode": "SERVER"}],
        "type": "NETWORK",
        "pluginName": "evenkeel.connection",
        "url": url,
        "sha256": "ab".repeat(32),
        "failStrategy": "FAIL_OPEN",
        "pluginConfig": {"inbound": {"maxAge": "90m", "maxRequests": 10, "jitter": 0.2}},
    });
    assert_eq!(object["spec"], spec);
}

#[test]
fn gateways_are_clients_to_istio_and_what_is_a_file_comes_back() {
    let object = rendered("inbound: {maxAge: 1h}", Proxies::Gateways, "file:///caps.wasm").unwrap();
    assert_eq!(object["spec"]["match"], json!([{"mode": "CLIENT"}]));
    assert_eq!(object["spec"]["failStrategy"], "FAIL_RELOAD");
}

#[test]
fn what_it_cannot_do_is_refused_by_field_value_and_remedy() {
    let endpoints = "endpoints: {destinations: [{host: a.b.svc.cluster.local, port: 80}]}";
    for (sections, words) in [
        ("inbound: {maxAge: 1h}, rebalance: {maxRate: 0.1}", r#"spec.rebalance: {"maxRate":0.1} needs a cluster"#),
        ("outbound: {destinations: [{host: a.b, maxAge: 1m}]}", r#"spec.outbound: {"destinations":[{"#),
        (endpoints, r#"spec.endpoints: {"destinations":[{"#),
        ("inbound: {maxAge: 1h, streamGrace: 5m}", r#"spec.inbound.streamGrace: "5m" needs a filter"#),
    ] {
        let said = rendered(sections, Proxies::Sidecars, "file:///x.wasm").unwrap_err().to_string();
        assert!(said.starts_with(words) && said.contains("take it away; or render the policy with"), "{said}");
    }
    for nothing in ["inbound: {jitter: 0.2}", "inbound: {}"] {
        let said = rendered(nothing, Proxies::Sidecars, "file:///x.wasm").unwrap_err().to_string();
        assert!(said.starts_with("spec.inbound: {") && said.contains("set `maxAge` or `maxRequests`"), "{said}");
    }
}
