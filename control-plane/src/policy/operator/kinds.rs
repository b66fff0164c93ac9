//! The kinds of objects that are read and written.

use crate::policy::ConnectionPolicy;
use k8s_openapi::api::core::v1::Service;
use kube::api::{ApiResource, GroupVersionKind};

/// The policies.
pub fn policy() -> ApiResource {
    ApiResource::erase::<ConnectionPolicy>(&())
}

/// What they are for.
pub fn service() -> ApiResource {
    ApiResource::erase::<Service>(&())
}

/// What is made for them.
pub fn owned() -> Vec<ApiResource> {
    let istio = [("networking.istio.io", "v1alpha3", "EnvoyFilter"), ("networking.istio.io", "v1", "DestinationRule")];
    let resource = |(group, version, kind)| ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    istio.into_iter().map(resource).collect()
}

/// The one of this kind that is made for policies.
pub fn owned_kind(kind: &str) -> Option<ApiResource> {
    owned().into_iter().find(|resource| resource.kind == kind)
}
