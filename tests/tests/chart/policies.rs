//! The definition that the chart installs: what it takes, and what it refuses with the name of the field.

use anyhow::{Result, ensure};
use evenkeel_tests::network;
use serde_json::{Value, json};

use super::cluster;

fn policy(spec: &Value) -> Value {
    let metadata = json!({"name": "cart", "namespace": "shop"});
    json!({"apiVersion": "evenkeel.dev/v1alpha1", "kind": "ConnectionPolicy", "metadata": metadata, "spec": spec})
}

fn with(section: &str, value: &Value) -> Value {
    json!({"targetRefs": [{"kind": "Service", "name": "cart"}], section: value})
}

#[test]
fn the_api_server_takes_what_is_right_and_names_the_field_that_is_wrong() -> Result<()> {
    network::isolated(|| async {
        let kubernetes = cluster::start().await?;
        for spec in right() {
            kubernetes.apply(&policy(&spec).to_string()).await?;
        }
        for (spec, field) in wrong() {
            let refused = kubernetes.apply(&policy(&spec).to_string()).await;
            let said = refused.map_or_else(|error| format!("{error:#}"), |()| "taken".to_owned());
            ensure!(said.contains(field), "{spec} should be refused for {field}: {said}");
        }
        Ok(())
    })
}

fn right() -> Vec<Value> {
    let sections = json!({
        "targetRefs": [{"group": "", "kind": "Service", "name": "cart"}],
        "inbound": {"maxAge": "30m", "maxRequests": 10000, "jitter": 0.2, "streamGrace": "5m"},
        "rebalance": {
            "mode": "observe", "paused": true, "tolerance": 0.1, "minShare": 0.5, "maxRate": 0.2, "settle": "10s",
            "warmup": "1m", "signal": "requests",
        },
    });
    let destination = json!({"host": "cart.shop.svc.cluster.local", "port": 80, "subset": "v1"});
    let endpoints = json!({"destinations": [destination], "initialFetchTimeout": "90s"});
    let outbound = json!({"destinations": [{"host": "api.example.com", "maxAge": "10m", "jitter": 0.2}]});
    let alone = [
        ("inbound", json!({"maxAge": "100ms"})),
        ("rebalance", json!({})),
        ("outbound", outbound),
        ("endpoints", endpoints),
    ];
    std::iter::once(sections).chain(alone.map(|(section, value)| with(section, &value))).collect()
}

fn capped(destinations: &[Value]) -> Value {
    json!({"destinations": destinations})
}

fn minute() -> Value {
    json!({"host": "a.b", "maxAge": "1m"})
}

/// A spec, and what the API server says of it.
fn wrong() -> Vec<(Value, &'static str)> {
    let service = || json!({"kind": "Service", "name": "cart"});
    vec![
        (json!({"targetRefs": [service()]}), "add `inbound`, `rebalance`, `outbound` or `endpoints`"),
        (json!({"targetRefs": [], "inbound": {}}), "spec.targetRefs"),
        (json!({"targetRefs": [service(), service()], "inbound": {}}), "spec.targetRefs"),
        (json!({"inbound": {}}), "spec.targetRefs"),
        (json!({"targetRefs": [{"kind": "Gateway", "name": "cart"}], "inbound": {}}), "spec.targetRefs[0].kind"),
        (json!({"targetRefs": [{"kind": "Service", "name": ""}], "inbound": {}}), "spec.targetRefs[0].name"),
        (with("outgoing", &json!({})), "outgoing"),
        (with("endpoints", &json!({"destinations": []})), "spec.endpoints.destinations"),
        (
            with("endpoints", &json!({"destinations": [{"host": "a.b", "port": 0}]})),
            "spec.endpoints.destinations[0].port",
        ),
        (with("outbound", &json!({"destinations": []})), "spec.outbound.destinations"),
        (with("outbound", &capped(&[json!({"host": "a.b"})])), "it caps nothing"),
        (with("outbound", &capped(&[json!({"host": "*.b", "maxAge": "1m"})])), "spec.outbound.destinations[0].host"),
        (with("outbound", &capped(&[minute(), minute()])), "duplicate entries for key"),
        (with("inbound", &json!({"maxage": "1m"})), "maxage"),
        (with("inbound", &json!({"maxAge": 60})), "spec.inbound.maxAge"),
        (with("inbound", &json!({"maxAge": "soon"})), "spec.inbound.maxAge"),
        (with("inbound", &json!({"maxRequests": 0})), "spec.inbound.maxRequests"),
        (with("inbound", &json!({"jitter": 1})), "spec.inbound.jitter"),
        (with("rebalance", &json!({"mode": "watch"})), "spec.rebalance.mode"),
        (with("rebalance", &json!({"tolerance": 0})), "spec.rebalance.tolerance"),
        (with("rebalance", &json!({"minShare": 1.5})), "spec.rebalance.minShare"),
        (with("rebalance", &json!({"maxRate": 0})), "spec.rebalance.maxRate"),
        (with("rebalance", &json!({"signal": "bytes"})), "spec.rebalance.signal"),
    ]
}
