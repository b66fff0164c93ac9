//! What matters of a `Service`.

use super::kind::Kind;
use super::object::{Metadata, Watched};
use super::port;
use crate::model::{ClientTraffic, ExternalTrafficPolicy, ServicePort};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Istio's label of services whose pods keep their sessions while they drain.
const PERSISTENT_SESSION: &str = "istio.io/persistent-session";

/// A service without its endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// The TCP ports.
    pub ports: Vec<ServicePort>,
    /// What a node port leads to.
    pub external_traffic_policy: ExternalTrafficPolicy,
    /// What makes its endpoints depend on who asks.
    pub traffic: ClientTraffic,
    /// The address families, the primary one first; none if nobody says.
    pub families: Vec<AddressFamily>,
    /// Whether Kubernetes finds the endpoints. Otherwise somebody else writes the `EndpointSlice`s.
    pub has_selector: bool,
    /// Whether it is only another name for something elsewhere, which has no endpoints.
    pub external_name: bool,
}

/// `IPv4` or `IPv6`, as in `spec.ipFamilies` and in `addressType` of an `EndpointSlice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// `IPv4`
    Four,
    /// `IPv6`
    Six,
}

impl AddressFamily {
    /// The family of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "IPv4" => Some(Self::Four),
            "IPv6" => Some(Self::Six),
            _ => None,
        }
    }
}

/// The fields of a `Service` that are read.
#[derive(Debug, Deserialize)]
pub struct Fields {
    metadata: Metadata,
    spec: Option<Spec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    r#type: Option<String>,
    ports: Option<Vec<Port>>,
    external_traffic_policy: Option<String>,
    internal_traffic_policy: Option<String>,
    traffic_distribution: Option<String>,
    ip_families: Option<Vec<String>>,
    selector: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct Port {
    name: Option<String>,
    protocol: Option<String>,
    #[serde(rename = "port")]
    number: i64,
    #[serde(rename = "nodePort")]
    on_nodes: Option<i64>,
}

impl Watched for Service {
    type Resource = k8s_openapi::api::core::v1::Service;
    type Fields = Fields;
    const KIND: Kind = Kind::Service;

    fn metadata(fields: &Fields) -> &Metadata {
        &fields.metadata
    }

    fn read(fields: Fields, defects: &mut Vec<String>) -> Option<Self> {
        let spec = fields.spec.unwrap_or_default();
        let families = spec.ip_families.unwrap_or_default();
        let traffic = ClientTraffic {
            node_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
            prefers_near: spec.traffic_distribution.is_some(),
            persistent_sessions: fields.metadata.label(PERSISTENT_SESSION).is_some(),
        };
        Some(Self {
            traffic,
            ports: ports(spec.ports.unwrap_or_default(), defects),
            external_traffic_policy: policy(spec.external_traffic_policy.as_deref()),
            families: families.iter().filter_map(|family| AddressFamily::named(family)).collect(),
            has_selector: spec.selector.is_some_and(|selector| !selector.is_empty()),
            external_name: spec.r#type.as_deref() == Some("ExternalName"),
        })
    }
}

fn policy(policy: Option<&str>) -> ExternalTrafficPolicy {
    match policy {
        Some("Local") => ExternalTrafficPolicy::Local,
        _ => ExternalTrafficPolicy::Cluster,
    }
}

fn ports(ports: Vec<Port>, defects: &mut Vec<String>) -> Vec<ServicePort> {
    let mut read = Vec::with_capacity(ports.len());
    for (index, port) in ports.into_iter().enumerate() {
        if !port::is_tcp(port.protocol.as_deref()) {
            continue;
        }
        match port::number(port.number) {
            Some(number) => {
                let node_port = port.on_nodes.and_then(port::number);
                read.push(ServicePort { name: port.name.unwrap_or_default(), port: number, node_port });
            }
            None => defects.push(port::out_of_range(&format!("spec.ports[{index}].port"), port.number)),
        }
    }
    read
}
