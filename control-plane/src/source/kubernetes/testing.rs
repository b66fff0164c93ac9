//! Objects as `kubectl get -o json` shows them, for tests.

use super::index::{Index, Indexed};
use super::kind::Scope;
use super::name::ObjectName;
use super::object::Object;
use super::store::Update;
use crate::model::{Cluster, Health, Service, ServiceName};
use serde_json::{Value, json};
use std::sync::Arc;

/// The object that this JSON is.
pub fn object<T: Indexed>(json: &Value) -> Object<T> {
    serde_json::from_str(&json.to_string()).unwrap()
}

/// A name in the namespace `default`.
pub fn named(name: &str) -> ObjectName {
    ObjectName::new("default", name)
}

/// An index with an update per line.
#[derive(Default)]
pub struct Told {
    pub index: Index,
}

impl Told {
    pub fn apply<T: Indexed>(&mut self, json: &Value) -> &mut Self {
        let object = object::<T>(json);
        self.tell(Update::Applied(object.name(), object.state))
    }

    pub fn delete<T: Indexed>(&mut self, name: ObjectName) -> &mut Self {
        self.tell(Update::<T>::Deleted(name))
    }

    pub fn tell<T: Indexed>(&mut self, update: Update<T>) -> &mut Self {
        self.index.update(&Scope::All, update);
        self
    }

    /// A complete list.
    pub fn list<T: Indexed>(&mut self, objects: &[Value]) -> &mut Self {
        self.tell(Update::<T>::Restarted);
        for json in objects {
            let object = object::<T>(json);
            self.tell(Update::Listed(object.name(), object.state));
        }
        self.tell(Update::<T>::ListComplete)
    }

    pub fn cluster(&mut self) -> Cluster {
        self.index.cluster()
    }

    /// The service of this name in the namespace `default`.
    pub fn service(&mut self, name: &str) -> Option<Arc<Service>> {
        self.cluster().services.get(&ServiceName::new("default", name)).cloned()
    }

    /// The endpoints of the service `web`, sorted, those that are not ready with a `!` before.
    pub fn web(&mut self) -> Vec<String> {
        let service = self.service("web").unwrap();
        let mut endpoints: Vec<String> = service.endpoints.iter().map(written).collect();
        endpoints.sort();
        endpoints
    }
}

fn written(endpoint: &crate::model::Endpoint) -> String {
    let ready = if endpoint.health == Health::Ready { "" } else { "!" };
    let ports: Vec<String> = endpoint.ports.iter().map(|(name, port)| format!("{name}:{port}")).collect();
    format!("{ready}{} {}", endpoint.address, ports.join(","))
}

/// The service `web` with the port `http`, and what else its specification says.
pub fn web(specification: &Value) -> Value {
    let mut spec = json!({ "selector": { "app": "web" }, "ports": [{ "name": "http", "port": 80 }] });
    for (field, value) in specification.as_object().unwrap() {
        spec[field] = value.clone();
    }
    json!({ "metadata": { "name": "web", "namespace": "default" }, "spec": spec })
}

/// A slice of the service `web` with the port `http` at 8080.
pub fn slice(name: &str, endpoints: &Value) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "default", "resourceVersion": "1",
            "labels": { "kubernetes.io/service-name": "web" },
        },
        "addressType": "IPv4",
        "ports": [{ "name": "http", "protocol": "TCP", "port": 8080 }],
        "endpoints": endpoints,
    })
}

/// A ready endpoint.
pub fn ready(address: &str) -> Value {
    json!({ "addresses": [address], "conditions": { "ready": true } })
}

/// A ready endpoint that is this pod on this node.
pub fn of_pod(address: &str, pod: &str, node: &str) -> Value {
    json!({
        "addresses": [address], "conditions": { "ready": true }, "nodeName": node, "zone": "zone-of-slice",
        "targetRef": { "kind": "Pod", "namespace": "default", "name": pod },
    })
}

/// With another value in a field, such as `/metadata/labels/app`.
pub fn with(mut object: Value, field: &str, value: Value) -> Value {
    let (parent, name) = field.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[name] = value;
    object
}

/// A node with these labels.
pub fn node(name: &str, labels: &Value) -> Value {
    json!({
        "metadata": { "name": name, "labels": labels },
        "status": {
            "addresses": [{ "type": "Hostname", "address": name }, { "type": "InternalIP", "address": "192.168.0.1" }],
            "conditions": [{ "type": "MemoryPressure", "status": "False" }, { "type": "Ready", "status": "True" }],
        },
    })
}

/// A pod of a `Deployment`, with these labels beside those that it must have.
pub fn pod(name: &str, labels: &Value) -> Value {
    let mut all = json!({ "pod-template-hash": "5d4f8c" });
    for (label, value) in labels.as_object().unwrap() {
        all[label] = value.clone();
    }
    json!({
        "metadata": {
            "name": name, "namespace": "default", "labels": all, "generateName": "web-5d4f8c-",
            "ownerReferences": [
                { "apiVersion": "v1", "kind": "Something", "name": "other", "uid": "1" },
                { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8c", "uid": "2", "controller": true },
            ],
        },
        "spec": { "nodeName": "node-a", "serviceAccountName": "web-account" },
    })
}
