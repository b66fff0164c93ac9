//! The record in shared data, as VMs of neighbouring versions of the filter read it.

use serde_json::{Value, json};

use crate::rebalance::Instance;

/// As this version writes it. A later one may add fields, and has to understand this one.
const RECORD: &str = include_str!("record.json");

fn decode(record: &Value) -> Option<Instance> {
    Instance::decode(record.to_string().as_bytes())
}

#[test]
fn what_this_version_writes_is_understood_by_later_ones() {
    let record: Value = serde_json::from_str(RECORD).unwrap();
    let instance = decode(&record).expect("a record of version 0.1.0");
    let written: Value = serde_json::from_slice(&instance.encode()).unwrap();
    assert_eq!(written, record, "no field has another name, is missing or is new without a default");
}

#[test]
fn what_a_later_version_adds_is_ignored() {
    let mut record: Value = serde_json::from_str(RECORD).unwrap();
    let before = decode(&record);
    record["later"] = json!({"anything": [1, 2, 3]});
    record["workers"][0]["later"] = json!(true);
    record["schedule"]["later"] = json!("2s");
    assert_eq!(decode(&record), before);
}

#[test]
fn what_is_no_record_is_no_instance() {
    for bytes in [b"".as_slice(), b"\xff\xff", b"{}", b"null"] {
        assert_eq!(Instance::decode(bytes), None);
    }
}
