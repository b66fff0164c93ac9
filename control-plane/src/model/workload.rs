//! Workloads: what runs behind an endpoint.

use std::collections::BTreeMap;

/// Labels of a Kubernetes object.
pub type Labels = BTreeMap<String, String>;

/// What a pod is an instance of, by the rules that Istio has for it. Pods that say the same share one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// The namespace of the pod.
    pub namespace: String,
    /// The name of what made the pod, such as its `Deployment`.
    pub name: String,
    /// The name that its telemetry goes under.
    pub canonical_name: String,
    /// The revision that its telemetry goes under; `latest` if nobody says otherwise.
    pub canonical_revision: String,
    /// The name of the pod's service account; empty if it is not known.
    pub service_account: String,
    /// The labels of the pod.
    pub labels: Labels,
}
