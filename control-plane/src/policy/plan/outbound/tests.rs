use super::*;
use crate::model::{Cluster, Mesh};
use crate::policy::testing::sources;
use std::sync::Arc;

const HOST: &str = "reviews.shop.svc.cluster.local";

fn rule(namespace: &str, host: &str) -> DestinationRule {
    let without_idle_timeout = vec!["spec.trafficPolicy.connectionPool.http.idleTimeout".to_owned()];
    let (namespace, host) = (namespace.to_owned(), host.to_owned());
    DestinationRule { namespace, name: "theirs".to_owned(), host, without_idle_timeout, ..DestinationRule::default() }
}

fn ends_idle(rule: DestinationRule) -> DestinationRule {
    DestinationRule { without_idle_timeout: Vec::new(), ..rule }
}

fn selecting(rule: DestinationRule, label: &str) -> DestinationRule {
    let selector: Labels = [("app".to_owned(), label.to_owned())].into();
    DestinationRule { selector, for_some_clients: true, ..rule }
}

/// What becomes of a destination of the pods `app: web` in namespace `web`: the host if another's rule serves, or the reason.
fn capped(rules: Vec<DestinationRule>, host: &str) -> Result<bool, String> {
    capped_in(Mesh { destination_rules: rules.into_iter().map(Arc::new).collect(), ..Mesh::default() }, host)
}

fn capped_in(mesh: Mesh, host: &str) -> Result<bool, String> {
    let cluster = Arc::new(Cluster { mesh: Arc::new(mesh), ..Cluster::default() });
    let sources = Sources { cluster, ..sources(&[], &[]) };
    let mut section: Outbound =
        serde_saphyr::from_str(&format!("destinations: [{{host: {host}, maxAge: 10m}}]")).unwrap();
    let labels = [("app".to_owned(), "web".to_owned())].into();
    let (ruled, mut uncapped) = sources.cap(&mut section, Clients { namespace: "web", labels: &labels });
    assert_eq!(section.destinations.len() + uncapped.len(), 1);
    uncapped.pop().map_or(Ok(!ruled.is_empty()), |uncapped| Err(uncapped.reason))
}

#[test]
fn without_another_s_rule_it_is_ours() {
    assert_eq!(capped(vec![], HOST), Ok(false));
    let elsewhere = vec![rule("web", "other.shop.svc.cluster.local"), rule("third", HOST)];
    assert_eq!(capped(elsewhere, HOST), Ok(false), "nobody in namespace web follows these");
}

#[test]
fn another_s_rule_that_ends_idle_connections_serves() {
    for namespace in ["web", "shop", "istio-system"] {
        assert_eq!(capped(vec![ends_idle(rule(namespace, HOST))], HOST), Ok(true), "{namespace}");
    }
}

#[test]
fn another_s_rule_that_does_not_says_what_to_add() {
    for (namespace, host) in [("web", HOST), ("shop", HOST), ("istio-system", "*.local")] {
        let reason = capped(vec![rule(namespace, host)], HOST).unwrap_err();
        let expected = format!(
            "DestinationRule {namespace}/theirs is followed instead of ours and leaves idle connections open: set \
             spec.trafficPolicy.connectionPool.http.idleTimeout to 600s there"
        );
        assert_eq!(reason, expected);
    }
}

#[test]
fn the_client_s_own_namespace_comes_first_and_hosts_before_wildcards() {
    let rules = vec![ends_idle(rule("web", HOST)), rule("shop", HOST), rule("web", "*.svc.cluster.local")];
    assert_eq!(capped(rules, HOST), Ok(true));
}

#[test]
fn a_rule_for_other_pods_is_no_rule() {
    assert_eq!(capped(vec![selecting(rule("web", HOST), "mobile")], HOST), Ok(false));
    assert!(capped(vec![selecting(rule("web", HOST), "web")], HOST).is_err());
    assert_eq!(
        capped(vec![selecting(rule("shop", HOST), "web")], HOST),
        Ok(false),
        "it selects pods of its own namespace"
    );
}

#[test]
fn of_merged_rules_the_oldest_speaks_for_all_subsets() {
    let mut younger = rule("web", HOST);
    younger.name = "younger".to_owned();
    assert_eq!(capped(vec![ends_idle(rule("web", HOST)), younger.clone()], HOST), Ok(true));
    younger.without_idle_timeout = vec!["spec.subsets[0].trafficPolicy.connectionPool.http.idleTimeout".to_owned()];
    let reason = capped(vec![ends_idle(rule("web", HOST)), younger], HOST).unwrap_err();
    assert!(reason.contains("web/younger") && reason.contains("spec.subsets[0]"), "{reason}");
}

#[test]
fn of_a_host_that_is_no_service_any_namespace_may_be_its_own() {
    assert_eq!(capped(vec![], "api.example.com"), Ok(false));
    assert!(capped(vec![rule("third", "*.example.com")], "api.example.com").is_err());
}

#[test]
fn where_rules_may_be_unseen_nothing_is_capped() {
    let narrowed = Mesh { narrowed: true, ..Mesh::default() };
    assert!(capped_in(narrowed, HOST).unwrap_err().contains("widen --namespace and --selector"));
}
