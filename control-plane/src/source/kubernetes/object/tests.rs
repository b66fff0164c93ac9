//! What is read of objects, and what is said of those that make no sense.

use crate::model::Locality;
use crate::source::kubernetes::endpoint_slice::EndpointSlice;
use crate::source::kubernetes::name::ObjectName;
use crate::source::kubernetes::object::Object;
use crate::source::kubernetes::pod::Pod;
use crate::source::kubernetes::service::Service;
use crate::source::kubernetes::store::State;
use crate::source::kubernetes::testing::{named, object, pod, ready, slice, web, with};
use kube::Resource;
use kube::core::{ObjectList, WatchEvent};
use serde_json::{Value, json};

#[test]
fn a_malformed_object_does_not_spoil_its_list_and_says_what_is_wrong_with_it() {
    let items = [
        slice("good", &json!([ready("10.0.0.1")])),
        slice("bad", &json!([{ "addresses": "10.0.0.2" }])),
        json!({ "metadata": "nothing" }),
        json!(7),
        slice("good-as-well", &json!([])),
    ];
    let list = json!({
        "kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "metadata": { "resourceVersion": "7" },
        "items": items,
    });
    let list: ObjectList<Object<EndpointSlice>> = serde_json::from_str(&list.to_string()).unwrap();
    let names: Vec<String> = list.items.iter().map(|object| object.name().to_string()).collect();
    assert_eq!(names, ["default/good", "default/bad", "", "", "default/good-as-well"]);
    let malformed: Vec<bool> = list.items.iter().map(|object| object.state == State::Malformed).collect();
    assert_eq!(malformed, [false, true, true, true, false]);
    let [defect] = &*list.items[1].defects else { panic!("{:?}", list.items[1].defects) };
    assert!(defect.starts_with("endpoints[0].addresses: invalid type: string \"10.0.0.2\""), "{defect}");
}

#[test]
fn a_malformed_object_does_not_spoil_its_watch_either() {
    let bad = slice("bad", &json!({}));
    let in_either_order =
        [format!(r#"{{"type": "MODIFIED", "object": {bad}}}"#), format!(r#"{{"object": {bad}, "type": "MODIFIED"}}"#)];
    for event in in_either_order {
        let event: WatchEvent<Object<EndpointSlice>> = serde_json::from_str(&event).unwrap();
        let WatchEvent::Modified(object) = event else { panic!("{event:?}") };
        assert_eq!((object.name(), &object.state), (named("bad"), &State::Malformed));
        assert_eq!(object.meta().resource_version.as_deref(), Some("1"), "the watch goes on from here");
    }
}

fn defects(slice: &Value) -> Vec<String> {
    object::<EndpointSlice>(slice).defects
}

#[test]
fn parts_that_make_no_sense_are_named_with_a_remedy() {
    assert_eq!(
        defects(&slice("a", &json!([ready("10.0.0.1"), ready("10.0.0.300"), {}]))),
        [
            "endpoints[1].addresses[0]: \"10.0.0.300\" is no IPv4 address; use one such as 10.0.0.7; the endpoint is left out",
            "endpoints[2].addresses[0]: nothing is no IPv4 address; use one such as 10.0.0.7; the endpoint is left out",
        ]
    );
    let ports = json!([{ "name": "http", "port": 8080 }, { "name": "metrics", "port": 80_000 }]);
    let wrong = "80000 is no port; use 1 to 65535; the port is left out";
    assert_eq!(defects(&with(slice("a", &json!([])), "/ports", ports.clone())), [format!("ports[1].port: {wrong}")]);
    assert_eq!(object::<Service>(&web(&json!({ "ports": ports }))).defects, [format!("spec.ports[1].port: {wrong}")]);
}

#[test]
fn objects_with_no_more_than_a_name_are_no_defect() {
    let bare = json!({ "metadata": { "name": "web" } });
    assert_eq!(object::<Service>(&bare).state, State::Known(Service::default()));
    assert!(matches!(object::<Pod>(&bare).state, State::Known(_)));
    assert_eq!(object::<Pod>(&bare).name(), ObjectName::new("", "web"));
}

fn read(json: &Value) -> Pod {
    match object::<Pod>(json).state {
        State::Known(pod) => pod,
        state => panic!("{state:?}"),
    }
}

#[test]
fn the_locality_of_a_pod_has_dots_or_slashes() {
    let locality = |label: &str| read(&pod("a", &json!({ "istio-locality": label }))).locality;
    let parts = |parts: [&str; 3]| {
        let [region, zone, sub_zone] = parts.map(Into::into);
        Locality { region, zone, sub_zone }
    };
    assert_eq!(locality("r.z.s").as_deref(), Some(&parts(["r", "z", "s"])));
    assert_eq!(locality("r").as_deref(), Some(&parts(["r", "", ""])));
    assert_eq!(locality("r.1/z.1/s.1").as_deref(), Some(&parts(["r.1", "z.1", "s.1"])));
    assert_eq!(locality("").as_deref(), None);
}

#[test]
fn a_workload_is_called_after_what_made_the_pod() {
    let name = |json: &Value| read(json).workload.name.clone();
    let owner = |kind: &str, owner: &str| {
        let reference = json!([{ "kind": kind, "name": owner, "controller": true }]);
        with(pod("web-5d4f8c-x", &json!({ "deploymentconfig": "config" })), "/metadata/ownerReferences", reference)
    };
    assert_eq!(name(&pod("web-5d4f8c-x", &json!({}))), "web");
    assert_eq!(name(&owner("ReplicaSet", "by-hand")), "by-hand");
    assert_eq!(name(&owner("StatefulSet", "db")), "db");
    assert_eq!(name(&owner("ReplicationController", "config-7")), "config");
    assert_eq!(name(&owner("Job", "nightly-28000000")), "nightly");
    assert_eq!(name(&owner("Job", "once")), "once");
    assert_eq!(name(&owner("Job", "build-7")), "build-7");
    let rollout =
        with(owner("ReplicaSet", "web-77"), "/metadata/labels", json!({ "rollouts-pod-template-hash": "77" }));
    assert_eq!(name(&rollout), "web");
    assert_eq!(name(&with(pod("alone", &json!({})), "/metadata/ownerReferences", json!(null))), "alone");
    assert_eq!(name(&with(pod("named", &json!({})), "/metadata/generateName", json!(null))), "named");
    assert_eq!(name(&pod("a", &json!({ "service.istio.io/workload-name": "said" }))), "said");
}

#[test]
fn canonical_names_and_revisions_come_from_labels() {
    let canonical = |labels: &Value| {
        let workload = read(&pod("a", labels)).workload;
        (workload.canonical_name.clone(), workload.canonical_revision.clone())
    };
    let pair = |name: &str, revision: &str| (name.to_owned(), revision.to_owned());
    assert_eq!(canonical(&json!({})), pair("web", "latest"));
    assert_eq!(canonical(&json!({ "app": "shop", "version": "v1" })), pair("shop", "v1"));
    let recommended =
        json!({ "app": "no", "version": "no", "app.kubernetes.io/name": "shop", "app.kubernetes.io/version": "v2" });
    assert_eq!(canonical(&recommended), pair("shop", "v2"));
    let said = json!({
        "app": "no", "app.kubernetes.io/name": "no",
        "service.istio.io/canonical-name": "shop", "service.istio.io/canonical-revision": "v3",
    });
    assert_eq!(canonical(&said), pair("shop", "v3"));
}

#[test]
fn a_weight_that_is_none_is_named_with_a_remedy() {
    for wrong in ["0", "129", "heavy", "", "1.5"] {
        let annotated =
            with(pod("web-1", &json!({})), "/metadata/annotations", json!({ "evenkeel.dev/weight": wrong }));
        let [defect] = <[String; 1]>::try_from(object::<Pod>(&annotated).defects).unwrap();
        let expected = format!("metadata.annotations[evenkeel.dev/weight]: {wrong:?} is no weight; use 1 to 128");
        assert!(defect.starts_with(&expected), "{defect}");
    }
}
