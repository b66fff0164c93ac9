//! The role that is shipped is the one that is needed: nothing is forbidden, nothing is granted that is not used.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use evenkeel_tests::kubernetes::{CONTROL_PLANE_ACCOUNT, Kubernetes, Request};
use evenkeel_tests::{EnvoyVersion, network, wait};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;

use super::bed::Bed;
use super::cluster::Cluster;
use super::gateway::PATIENCE;
use super::replica::Replica;

/// Verb, API group, resource.
type Permission = [String; 3];

#[test]
fn what_is_granted_is_used_and_what_is_used_is_granted() -> Result<()> {
    network::isolated(|| async {
        let cluster = Cluster::start().await?;
        cluster.kubernetes.apply(&ISTIO.map(definition).join("---\n")).await?;
        wait::until("Istio's kinds to be served", PATIENCE, async || list_istio(&cluster.kubernetes).await, |()| true)
            .await?;
        let kubeconfig = cluster.kubeconfig().await?;
        let mut bed = Bed::start_with(EnvoyVersion::NEWEST, cluster, &kubeconfig).await?;
        bed.scale(3).await?;
        let replica = Replica::start(&bed.cluster, "evenkeel-1").await?;
        replica.control_plane.log_until("label evenkeel.dev/leader is as it should be", PATIENCE).await?;
        let kubernetes = &bed.cluster.kubernetes;
        let requests = async || kubernetes.api_server.requests_of(CONTROL_PLANE_ACCOUNT);
        let renewed = |requests: &Vec<Request>| requests.iter().any(|request| request.verb == "update");
        let requests = wait::until("the leader to renew its Lease", PATIENCE, requests, renewed).await?;
        // A Lease that is not there yet is looked for, and of two replicas one writes too late.
        let expected = |request: &&Request| request.resource == "leases" && [404, 409].contains(&request.code);
        let refused = requests.iter().filter(|request| request.code >= 400 && !expected(request));
        let refused: Vec<_> = refused.collect();
        ensure!(refused.is_empty(), "{refused:?}");
        let used = requests.into_iter().filter(|request| !request.resource.is_empty());
        let used: BTreeSet<Permission> = used.map(|request| [request.verb, request.group, request.resource]).collect();
        let role = Api::<ClusterRole>::all(kubernetes.client()).get("evenkeel").await?;
        let own = Api::<Role>::namespaced(kubernetes.client(), CONTROL_PLANE_ACCOUNT.0).get("evenkeel").await?;
        let rules = role.rules.iter().chain(&own.rules).flatten();
        let granted: BTreeSet<Permission> = rules.filter(|rule| !is_for_policies(rule)).flat_map(permissions).collect();
        assert_eq!(used, granted);
        bed.end().await
    })
}

/// Group, plural and kind of what is read of Istio where it is installed.
const ISTIO: [[&str; 3]; 2] = [
    ["security.istio.io", "peerauthentications", "PeerAuthentication"],
    ["networking.istio.io", "destinationrules", "DestinationRule"],
];

/// With the names and the version of Istio's own, and no schema: there will be no object.
fn definition([group, plural, kind]: [&str; 3]) -> String {
    let names = format!("{{plural: {plural}, singular: {}, kind: {kind}}}", kind.to_lowercase());
    let schema = "{openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}";
    format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: {plural}.{group}}},
           spec: {{group: {group}, scope: Namespaced, names: {names},
           versions: [{{name: v1, served: true, storage: true, schema: {schema}}}]}}}}\n"
    )
}

async fn list_istio(kubernetes: &Kubernetes) -> Result<()> {
    for [group, plural, kind] in ISTIO {
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural);
        Api::<DynamicObject>::all_with(kubernetes.client(), &resource).list(&ListParams::default()).await?;
    }
    Ok(())
}

/// What only serves policies is the subject of the suite `operator`.
fn is_for_policies(rule: &PolicyRule) -> bool {
    let policies = ["connectionpolicies", "connectionpolicies/status", "envoyfilters", "events"];
    // Istio's objects are read for endpoints as well, and written for policies only.
    let is_of_istio = rule.api_groups.iter().flatten().any(|group| group == "networking.istio.io");
    let writes = rule.verbs.iter().any(|verb| verb == "patch");
    (is_of_istio && writes) || rule.resources.iter().flatten().all(|resource| policies.contains(&resource.as_str()))
}

fn permissions(rule: &PolicyRule) -> Vec<Permission> {
    let mut permissions = Vec::new();
    for verb in &rule.verbs {
        for group in rule.api_groups.iter().flatten() {
            let resources = rule.resources.iter().flatten();
            permissions.extend(resources.map(|resource| [verb.clone(), group.clone(), resource.clone()]));
        }
    }
    permissions
}
