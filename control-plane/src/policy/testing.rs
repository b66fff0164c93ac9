//! What the tests of this module are made of.

use super::plan::Sources;
use super::render::{ControlPlane, IstioVersion, Module, Release};
use super::seen::SeenPolicy;
use crate::model::ServiceName;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use std::sync::Arc;

pub fn release() -> Release {
    Release {
        istio: IstioVersion::V1_31,
        module: Module::new("http://evenkeel/filter.wasm", &"ab".repeat(32)).unwrap(),
        control_plane: ControlPlane {
            rebalance_host: "evenkeel-rebalance.evenkeel-system.svc".to_owned(),
            xds_host: "evenkeel-xds.evenkeel-system.svc".to_owned(),
            port: 18000,
            identity: None,
        },
    }
}

/// A policy of namespace `shop` with both sections, created at this second.
pub fn policy(name: &str, service: &str, created: i64) -> SeenPolicy {
    let created = Timestamp::from_second(created).unwrap();
    let metadata = json!({"name": name, "namespace": "shop", "uid": format!("uid-of-{name}"), "generation": 1,
                          "resourceVersion": "1", "creationTimestamp": created});
    let spec = json!({"targetRefs": [{"kind": "Service", "name": service}], "inbound": {"maxAge": "30m"},
                      "rebalance": {"mode": "observe"}});
    SeenPolicy::new(&serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap())
}

pub fn service(name: &str, labels: &[(&str, &str)]) -> Service {
    let selector: serde_json::Map<_, _> = labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let service = json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"selector": selector}});
    serde_json::from_value(service).unwrap()
}

pub fn sources(policies: &[SeenPolicy], services: &[Service]) -> Sources {
    let name = |service: &Service| ServiceName::new("shop", service.metadata.name.clone().unwrap());
    let services = services.iter().map(|service| (name(service), service.clone())).collect();
    Sources { policies: policies.to_vec(), services, cluster: Arc::default() }
}
