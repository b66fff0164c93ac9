//! What matters of a `Node`.

use super::kind::Kind;
use super::locality;
use super::object::{Metadata, Watched};
use crate::model;
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;

/// The label of nodes that balancers outside the cluster leave alone, whatever its value.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// A node; shared with the clusters that it is published in.
pub type Node = Arc<model::Node>;

/// The fields of a `Node` that are read.
#[derive(Debug, Deserialize)]
pub struct Fields {
    metadata: Metadata,
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
struct Status {
    addresses: Option<Vec<Address>>,
    conditions: Option<Vec<Condition>>,
}

#[derive(Debug, Deserialize)]
struct Address {
    r#type: String,
    address: String,
}

#[derive(Debug, Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

impl Watched for Node {
    type Resource = k8s_openapi::api::core::v1::Node;
    type Fields = Fields;
    const KIND: Kind = Kind::Node;

    fn metadata(fields: &Fields) -> &Metadata {
        &fields.metadata
    }

    fn read(fields: Fields, defects: &mut Vec<String>) -> Option<Self> {
        let Fields { metadata, status } = fields;
        let status = status.unwrap_or_default();
        let excluded = metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(EXCLUDED));
        let ready = status.conditions.unwrap_or_default().iter().any(is_ready);
        Some(Arc::new(model::Node {
            addresses: addresses(status.addresses.unwrap_or_default(), defects),
            ready: ready && !excluded,
            locality: Arc::new(locality::of_node(&metadata)),
        }))
    }
}

fn is_ready(condition: &Condition) -> bool {
    condition.r#type == "Ready" && condition.status == "True"
}

fn addresses(addresses: Vec<Address>, defects: &mut Vec<String>) -> Vec<IpAddr> {
    let mut read = Vec::new();
    for (index, Address { r#type, address }) in addresses.into_iter().enumerate() {
        match address.parse() {
            _ if r#type != "InternalIP" => {}
            Ok(address) => read.push(address),
            Err(_) => defects.push(not_an_address(index, &address)),
        }
    }
    read
}

fn not_an_address(index: usize, text: &str) -> String {
    format!("status.addresses[{index}].address: {text:?} is no IP address; it is left out")
}
