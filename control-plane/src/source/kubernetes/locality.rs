//! Where nodes and pods are, by their labels.

use super::object::Metadata;
use crate::model::Locality;

/// Where a node is. The names that Kubernetes had for these labels before 1.17 count if the others are missing, and
/// Istio has one for a part of a zone.
pub fn of_node(metadata: &Metadata) -> Locality {
    let label = |names: &[&str]| names.iter().find_map(|name| metadata.label(name)).unwrap_or_default().into();
    Locality {
        region: label(&["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"]),
        zone: label(&["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"]),
        sub_zone: label(&["topology.istio.io/subzone"]),
    }
}

/// Where a pod says that it is, whatever its node says: `region.zone.subzone`, or with slashes if parts contain dots.
pub fn of_pod(metadata: &Metadata) -> Option<Locality> {
    let label = metadata.label("istio-locality")?;
    let separator = if label.contains('/') { '/' } else { '.' };
    let mut parts = label.split(separator);
    let mut part = || parts.next().unwrap_or_default().into();
    Some(Locality { region: part(), zone: part(), sub_zone: part() })
}
