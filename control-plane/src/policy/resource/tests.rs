use super::*;
use kube::CustomResourceExt;
use serde_json::{Value, json};

#[test]
fn the_schema_says_what_a_section_may_hold() {
    let schema: Value = serde_json::to_value(ConnectionPolicy::crd()).unwrap();
    let spec = &schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let inbound = &spec["properties"]["inbound"]["properties"];
    assert_eq!(inbound["maxAge"]["type"], "string");
    assert_eq!(inbound["jitter"]["exclusiveMaximum"], true);
    let rebalance = &spec["properties"]["rebalance"]["properties"];
    assert_eq!(rebalance["tolerance"]["exclusiveMinimum"], true);
    assert_eq!(rebalance["mode"]["enum"], json!(["enforce", "observe"]));
}
