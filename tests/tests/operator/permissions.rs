//! Of what the shipped role grants for policies, all is used, and nothing is missing.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use evenkeel_tests::kubernetes::{CONTROL_PLANE_ACCOUNT, Request};
use evenkeel_tests::{network, wait};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::Api;
use serde_json::json;

use super::bed::{Bed, PATIENCE};

const SECTIONS: &str =
    "inbound: {maxAge: 30m}, outbound: {destinations: [{host: prices.shop.svc.cluster.local, maxAge: 10m}]}";
const RULE: &str = "evenkeel-caps-prices.shop.svc.cluster.local";

/// Verb and resource.
type Permission = (String, String);

#[test]
fn what_is_granted_for_policies_is_used_and_what_is_used_is_granted() -> Result<()> {
    network::isolated(|| async {
        let (bed, _control_plane) = Bed::with_policy(SECTIONS).await?;
        let spec = bed.filter_of("caps").await?.data["spec"].clone();
        // The second Event of a kind is counted in the first.
        for _ in 0..2 {
            bed.edit_filter("caps", &json!({"spec": {"configPatches": []}})).await?;
            bed.filter_becomes("caps", "the edit to be put right", |filter| filter.data["spec"] == spec).await?;
        }
        let host = bed.rules().get(RULE).await?.data["spec"]["host"].clone();
        bed.edit_rule(RULE, &json!({"spec": {"host": "elsewhere"}})).await?;
        let seen = async || Ok(bed.rules().get(RULE).await?);
        wait::until("the rule to be put right", PATIENCE, seen, |seen| seen.data["spec"]["host"] == host).await?;
        bed.delete_policy("caps").await?;
        bed.filter_goes("caps").await?;

        let requests = bed.kubernetes.api_server.requests_of(CONTROL_PLANE_ACCOUNT)?;
        let refused: Vec<_> = requests.iter().filter(|request| [401, 403].contains(&request.code)).collect();
        ensure!(refused.is_empty(), "{refused:?}");
        let used: BTreeSet<Permission> =
            requests.iter().filter(|request| is_for_policies(&request.resource)).flat_map(used).collect();
        let role = Api::<ClusterRole>::all(bed.kubernetes.client()).get("evenkeel").await?;
        let granted: BTreeSet<Permission> = role.rules.iter().flatten().flat_map(granted).collect();
        assert_eq!(used, granted);
        Ok(())
    })
}

const RESOURCES: [&str; 5] =
    ["connectionpolicies", "connectionpolicies/status", "envoyfilters", "destinationrules", "events"];

fn is_for_policies(resource: &str) -> bool {
    RESOURCES.contains(&resource)
}

/// What is applied for the first time is created, though nobody has said so.
fn used(request: &Request) -> Vec<Permission> {
    let created = (request.verb == "patch" && request.code == 201).then_some("create");
    let verbs = [request.verb.as_str()].into_iter().chain(created);
    verbs.map(|verb| (verb.to_owned(), request.resource.clone())).collect()
}

fn granted(rule: &PolicyRule) -> Vec<Permission> {
    let resources = rule.resources.iter().flatten().filter(|resource| is_for_policies(resource));
    resources.flat_map(|resource| rule.verbs.iter().map(|verb| (verb.clone(), resource.clone()))).collect()
}
