//! The role that is shipped is the one that is needed: nothing is forbidden, nothing is granted that is not used.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use evenkeel_tests::{EnvoyVersion, network};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::Api;

use super::bed::Bed;
use super::cluster::ACCOUNT;

/// Verb, API group, resource.
type Permission = [String; 3];

#[test]
fn what_is_granted_is_used_and_what_is_used_is_granted() -> Result<()> {
    network::isolated(|| async {
        let mut bed = Bed::start(EnvoyVersion::NEWEST).await?;
        bed.scale(3).await?;
        let kubernetes = &bed.cluster.kubernetes;
        let requests = kubernetes.api_server.requests_of(ACCOUNT)?;
        let refused: Vec<_> = requests.iter().filter(|request| request.code >= 400).collect();
        ensure!(refused.is_empty(), "{refused:?}");
        let used = requests.into_iter().filter(|request| !request.resource.is_empty());
        let used: BTreeSet<Permission> = used.map(|request| [request.verb, request.group, request.resource]).collect();
        let role = Api::<ClusterRole>::all(kubernetes.client()).get("evenkeel").await?;
        let granted: BTreeSet<Permission> = role.rules.iter().flatten().flat_map(permissions).collect();
        assert_eq!(used, granted);
        bed.end().await
    })
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
