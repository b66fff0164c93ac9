//! What matters of an `EndpointSlice`.

use super::kind::Kind;
use super::name::ObjectName;
use super::object::{Metadata, Watched};
use super::port;
use super::service::AddressFamily;
use crate::model::{Locality, Ports};
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;

/// The label that names the service which the slice is a part of.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label of slices that come from other clusters. They belong to a `ServiceImport`, not to a service.
const MULTICLUSTER: &str = "multicluster.kubernetes.io/service-name";

/// A part of the endpoints of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSlice {
    /// The name of the service, in the same namespace.
    pub service: Arc<str>,
    /// What all its addresses are.
    pub family: AddressFamily,
    /// The TCP ports by name.
    pub ports: Arc<Ports>,
    /// The endpoints.
    pub endpoints: Vec<SliceEndpoint>,
}

/// An endpoint of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceEndpoint {
    /// Its address.
    pub address: IpAddr,
    /// Whether it may get traffic.
    pub ready: bool,
    /// The name of its node.
    pub node: Option<Arc<str>>,
    /// Its zone, as a locality of which nothing else is known.
    pub zone: Arc<Locality>,
    /// The pod that it is.
    pub pod: Option<ObjectName>,
}

impl EndpointSlice {
    /// The pods among the endpoints.
    pub fn pods(&self) -> impl Iterator<Item = &ObjectName> {
        self.endpoints.iter().filter_map(|endpoint| endpoint.pod.as_ref())
    }
}

/// The fields of an `EndpointSlice` that are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fields {
    metadata: Metadata,
    address_type: String,
    endpoints: Option<Vec<Endpoint>>,
    ports: Option<Vec<Port>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    addresses: Option<Vec<String>>,
    conditions: Option<Conditions>,
    node_name: Option<String>,
    zone: Option<String>,
    target_ref: Option<TargetReference>,
}

/// Of the conditions only `ready` decides: it is true for a terminating endpoint only if the service publishes addresses
/// that are not ready, and `serving` without `ready` is an endpoint on its way out.
#[derive(Debug, Deserialize)]
struct Conditions {
    ready: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct TargetReference {
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Port {
    name: Option<String>,
    protocol: Option<String>,
    #[serde(rename = "port")]
    number: Option<i64>,
}

impl Watched for EndpointSlice {
    type Resource = k8s_openapi::api::discovery::v1::EndpointSlice;
    type Fields = Fields;
    const KIND: Kind = Kind::EndpointSlice;

    fn metadata(fields: &Fields) -> &Metadata {
        &fields.metadata
    }

    fn read(fields: Fields, defects: &mut Vec<String>) -> Option<Self> {
        let Fields { metadata, address_type, endpoints, ports } = fields;
        if metadata.label(MULTICLUSTER).is_some() {
            return None;
        }
        let service = metadata.label(SERVICE_NAME)?.into();
        let family = AddressFamily::named(&address_type)?;
        let namespace = metadata.namespace.as_deref().unwrap_or_default().into();
        let ports = Arc::new(read_ports(ports.unwrap_or_default(), defects));
        let endpoints = read_endpoints(&namespace, family, endpoints.unwrap_or_default(), defects);
        Some(Self { service, family, ports, endpoints })
    }
}

/// A port without a number means all ports of the endpoint; which ones is not said.
fn read_ports(ports: Vec<Port>, defects: &mut Vec<String>) -> Ports {
    let mut read = Ports::new();
    for (index, port) in ports.into_iter().enumerate() {
        let Some(number) = port.number.filter(|_| port::is_tcp(port.protocol.as_deref())) else { continue };
        match port::number(number) {
            Some(number) => drop(read.insert(port.name.unwrap_or_default(), number)),
            None => defects.push(port::out_of_range(&format!("ports[{index}].port"), number)),
        }
    }
    read
}

fn read_endpoints(
    namespace: &Arc<str>,
    family: AddressFamily,
    endpoints: Vec<Endpoint>,
    defects: &mut Vec<String>,
) -> Vec<SliceEndpoint> {
    let mut read = Vec::with_capacity(endpoints.len());
    for (index, endpoint) in endpoints.into_iter().enumerate() {
        // Several addresses stand for the same endpoint, and one is enough to reach it.
        let text = endpoint.addresses.as_deref().and_then(<[String]>::first);
        match text.and_then(|text| address(text, family)) {
            Some(address) => read.push(read_endpoint(namespace, address, endpoint)),
            None => defects.push(not_an_address(index, family, text)),
        }
    }
    read
}

fn address(text: &str, family: AddressFamily) -> Option<IpAddr> {
    let address = text.parse().ok()?;
    let fits = match family {
        AddressFamily::Four => IpAddr::is_ipv4(&address),
        AddressFamily::Six => IpAddr::is_ipv6(&address),
    };
    fits.then_some(address)
}

fn not_an_address(index: usize, family: AddressFamily, text: Option<&String>) -> String {
    let (family, example) = match family {
        AddressFamily::Four => ("IPv4", "10.0.0.7"),
        AddressFamily::Six => ("IPv6", "fd00::7"),
    };
    let text = text.map_or("nothing".to_owned(), |text| format!("{text:?}"));
    format!(
        "endpoints[{index}].addresses[0]: {text} is no {family} address; use one such as {example}; the endpoint is left out"
    )
}

fn read_endpoint(namespace: &Arc<str>, address: IpAddr, endpoint: Endpoint) -> SliceEndpoint {
    SliceEndpoint {
        address,
        ready: endpoint.conditions.and_then(|conditions| conditions.ready).unwrap_or(true),
        node: endpoint.node_name.filter(|name| !name.is_empty()).map(Arc::from),
        zone: Arc::new(Locality { zone: endpoint.zone.unwrap_or_default().into(), ..Locality::default() }),
        pod: endpoint.target_ref.and_then(|target| pod(namespace, target)),
    }
}

fn pod(namespace: &Arc<str>, target: TargetReference) -> Option<ObjectName> {
    let name = target.name.filter(|_| target.kind.as_deref() == Some("Pod"))?;
    let namespace = target.namespace.map_or_else(|| namespace.clone(), Arc::from);
    Some(ObjectName { namespace, name: name.into() })
}
