//! What matters of a `Pod`.

use super::kind::Kind;
use super::object::{Metadata, Watched};
use super::{locality, workload};
use crate::model::{Locality, Weight, Workload};
use serde::Deserialize;
use std::sync::Arc;

/// A pod. Whether it is ready is told by the `EndpointSlice`s that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// What it is an instance of.
    pub workload: Arc<Workload>,
    /// Where it says that it is, if it does.
    pub locality: Option<Arc<Locality>>,
    /// The name of its node.
    pub node: Option<Arc<str>>,
    /// Its part of the traffic relative to the other pods.
    pub weight: Weight,
}

/// The fields of a `Pod` that are read.
#[derive(Debug, Deserialize)]
pub struct Fields {
    metadata: Metadata,
    spec: Option<Spec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    node_name: Option<String>,
    service_account_name: Option<String>,
}

impl Watched for Pod {
    type Resource = k8s_openapi::api::core::v1::Pod;
    type Fields = Fields;
    const KIND: Kind = Kind::Pod;

    fn metadata(fields: &Fields) -> &Metadata {
        &fields.metadata
    }

    fn read(fields: Fields, defects: &mut Vec<String>) -> Option<Self> {
        let Spec { node_name, service_account_name } = fields.spec.unwrap_or_default();
        Some(Self {
            weight: weight(&fields.metadata, defects),
            locality: locality::of_pod(&fields.metadata).map(Arc::new),
            node: node_name.filter(|name| !name.is_empty()).map(Arc::from),
            workload: Arc::new(workload::of_pod(fields.metadata, service_account_name.unwrap_or_default())),
        })
    }
}

/// What the annotation `evenkeel.dev/weight` says; 1 if it is not there or makes no sense.
fn weight(metadata: &Metadata, defects: &mut Vec<String>) -> Weight {
    let annotation = metadata.annotations.as_ref().and_then(|annotations| annotations.weight.as_deref());
    let Some(text) = annotation else { return Weight::ONE };
    let weight = text.parse::<i64>().ok().and_then(|number| Weight::try_from(number).ok());
    weight.unwrap_or_else(|| {
        defects.push(format!(
            "metadata.annotations[evenkeel.dev/weight]: {text:?} is no weight; use 1 to 128; the pod has 1 until then"
        ));
        Weight::ONE
    })
}
