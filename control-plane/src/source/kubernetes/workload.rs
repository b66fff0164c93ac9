//! What a pod is an instance of, by the rules of Istio: <https://istio.io/latest/docs/reference/config/labels/>, and what
//! its telemetry makes of the controllers that Kubernetes and its friends have.

use super::object::{Metadata, OwnerReference};
use crate::model::Workload;

/// The workload of the pod with this metadata.
pub fn of_pod(metadata: Metadata, service_account: String) -> Workload {
    let first = |names: &[&str]| names.iter().find_map(|name| metadata.label(name)).map(str::to_owned);
    let name = first(&["service.istio.io/workload-name"]).unwrap_or_else(|| owner(&metadata));
    let canonical_name = first(&["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"]);
    let revision = first(&["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"]);
    Workload {
        canonical_name: canonical_name.unwrap_or_else(|| name.clone()),
        canonical_revision: revision.unwrap_or_else(|| "latest".to_owned()),
        name,
        service_account,
        namespace: metadata.namespace.unwrap_or_default(),
        labels: metadata.labels.unwrap_or_default(),
    }
}

/// What made the pod: only pods whose name was generated come from something else.
fn owner(metadata: &Metadata) -> String {
    let generated = metadata.generate_name.as_deref().is_some_and(|prefix| !prefix.is_empty());
    let owners = metadata.owner_references.as_deref().filter(|_| generated).unwrap_or_default();
    let controller = owners.iter().find(|owner| owner.controller == Some(true));
    controller.map_or_else(|| metadata.name.clone(), |controller| made_by(metadata, controller))
}

/// What made the controller of the pod, as far as names and labels tell.
fn made_by(metadata: &Metadata, controller: &OwnerReference) -> String {
    let name = controller.name.as_str();
    let maker = match controller.kind.as_str() {
        "ReplicaSet" => without_hash(metadata, name),
        "ReplicationController" => metadata.label("deploymentconfig"),
        "Job" => without_time(name),
        _ => None,
    };
    maker.unwrap_or(name).to_owned()
}

/// The name of the `Deployment` or, from Argo, `Rollout` that made a `ReplicaSet`.
fn without_hash<'a>(metadata: &Metadata, name: &'a str) -> Option<&'a str> {
    let mut hashes =
        ["pod-template-hash", "rollouts-pod-template-hash"].into_iter().filter_map(|name| metadata.label(name));
    hashes.find_map(|hash| name.strip_suffix(hash)?.strip_suffix('-'))
}

/// The name of the `CronJob` that made a `Job`: it appends the time, in minutes or in seconds since 1970.
fn without_time(name: &str) -> Option<&str> {
    let (maker, time) = name.rsplit_once('-')?;
    let is_time = (8..=10).contains(&time.len()) && time.bytes().all(|byte| byte.is_ascii_digit());
    (is_time && !maker.is_empty()).then_some(maker)
}
